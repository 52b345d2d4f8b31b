"""The pipelines: one module per command, composed from the other packages.

video, paint, inpaint, morph, render, export, replay, compare/, bench/, batch/: the commands
snapshot_sources, album_sources: where snapshots come from (a training, a take, a painting)
job, clip, still: turn snapshots into one file
executors: where the tasks of a command run
settings, masking, moving_input, picture_sets, beats: inputs and options that several commands share
note, saved_networks, make_learner: the settings stored in a file; loading and creating networks
code_samples, sheets, charts: additional pictures, such as contact sheets and curves
"""
