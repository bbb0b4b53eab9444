"""plan.sqlite: what the dry run found and the conversion must reproduce, patient by patient. Holds PHI."""
