"""What disks, databases and their drivers mean when they refuse: in words, and whether trying again can help.

Tables alone, and how to look into them. Nothing of an error's own text goes further: it may quote a patient's data.
"""
