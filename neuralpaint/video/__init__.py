"""The film stage: uint8 frames go in, a clip that plays everywhere comes out.

    formats       which kinds of file there are, and how ffmpeg is asked for each
    writer        ClipWriter: takes frames, never tears one, surfaces every failure
    film          the making of one file on the writer's thread: encode, add sound, tag, publish
    destination   checks a target before training starts
    parts         temporary files: locked, published in one step, recovered after a kill
    metadata      the text that says how a clip was made: into every format and back
    sound         an audio file, checked early and laid under the finished film
    spool         frames kept on disk for playing backwards
    ffmpeg        the child process, and its complaints in one line

Nothing is imported here, so that listing the formats stays quick.
"""
