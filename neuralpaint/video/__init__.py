"""Video: uint8 frames (height, width, 3) are drawn on, encoded into clips by ffmpeg, and read back.

    formats    the clip formats and the ffmpeg arguments of each
    writer     ClipWriter encodes frames on another thread; a clip is complete or not there
    sinks      where its frames go: through ffmpeg into a file, or into a folder of PNGs
    ffmpeg     the ffmpeg process, and its errors in one line
    reader     reads the frames and the tag of a clip
    frames     loads an animation or a clip as a few pictures with times

    playback   how long a clip is, which shot each frame shows, and the frames in that order
    overlays   what is drawn on a frame or shown beside it
    plot       a small line plot
    drawing    anti-aliased shapes, captions and the colour scale

Nothing is imported here, so that listing the formats stays fast.
"""
