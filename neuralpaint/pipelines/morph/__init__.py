"""Morphing: one network learns several pictures, and is asked for what lies between them.

settings        everything that shapes a morph
gathering       files and folders become an album
moving          the frames of an animation or a clip become one
sizes           how large what is learned is at most
walking         footage of an album, seen at a code or on a walk through codes
samples         what the network says of codes that were never trained
contact_sheet   pictures with their codes, side by side
morph           the recipe
"""
