"""The pipelines: one file per thing a user can ask for, put together from the other rooms.

video, paint, inpaint, morph, render, export, replay, compare/, bench/: what a user asks for
snapshot_sources, album_sources: where snapshots come from
job, clip, still: how snapshots become one file
settings, masking, moving_input, picture_sets: what several commands read, and their options
note, saved_networks, make_learner: what a file stores about itself, and how it is loaded
code_samples, sheets, charts: pictures that are drawn beside a clip
"""
