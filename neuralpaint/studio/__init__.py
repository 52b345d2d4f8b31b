"""The studio: a page on this machine on which a network learns before your eyes."""
