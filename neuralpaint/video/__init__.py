"""The film stage: uint8 frames go in, a clip that plays everywhere comes out.

    formats       which kinds of file there are, and how ffmpeg is asked for each
    destination   what can be known about a clip before training starts
    writer        ClipWriter: takes frames, never tears one, surfaces every failure
    film          the making of one film on the writer's thread, from sweeping to publishing
    sinks         where its frames go: through ffmpeg into a file, or into a folder of PNGs
    sound         an audio file, checked early and laid under the finished film
    metadata      the tag that says how a clip was made: given to ffmpeg, read from everything
    ffmpeg        the child process, and its complaints in one line

    playback      how long a clip is, and which shot each of its frames shows
    reel          takes the shots as they are made, writes their frames as soon as it can
    spool         frames kept on disk for playing backwards

    overlays      what is drawn on a frame or shown beside it, one entry in each file
    drawing       anti-aliased drawing on small parts of a frame
    plot          a small line plot on a card
    typography    strings become coverage masks, set so that digits never jitter
    colours       a colour scale in equal perceptual steps

Nothing is imported here, so that listing the formats stays quick.
"""
