"""Tests of the demo practice and of bitewing-demo."""
