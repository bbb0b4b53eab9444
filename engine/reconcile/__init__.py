"""The second pair of eyes: source, target database and disk read again by code that shares nothing with conversion.

Nothing here imports the conversion's model, decoders, orientation, teeth, plan or journal; own readers, own algebra.
"""
