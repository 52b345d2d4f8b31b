"""Video: uint8 frames (height, width, 3) are drawn on, encoded into clips by ffmpeg, and read back.

    formats    the clip formats and the ffmpeg arguments of each
    writer     ClipWriter encodes frames on another thread; a clip is complete or absent
    sinks      write the frames of a clip, to a file with ffmpeg or to a folder of PNGs
    ffmpeg     the ffmpeg process, and its errors in one line
    reader     reads the frames and the tag of a clip
    frames     loads an animation or a clip as a few pictures with times

    onsets     finds when notes and drums begin in a sound, and its tempo
    playback   the length of a clip, and the order in which its frames show the shots
    timetable  the same for a clip in a rhythm
    overlays   pictures and values that are drawn on a frame or beside it
    plot       a small line plot
    drawing    anti-aliased shapes, captions and the colour scale

Nothing is imported here, so that listing the formats stays fast.
"""
