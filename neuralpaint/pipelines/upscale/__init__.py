"""The comparison of upscalings: a picture is made small, and brought back by every method.

    upscaling    which methods, in which order, and what is told while it goes on
    settings     how the picture is made small, and how the networks learn
    degradation  the small picture
    methods      resamplers, and each network plain and enhanced
    restoring    a method brings the picture back, is measured and is saved
    training     one network brings the picture back
    figures      how near a result is to the picture
    result       everything that was found out

    folder       where everything goes, and what may be replaced
    summary      everything that sums the methods up
    tables       results.csv and results.json
    places       where the methods differ most
    sheet        crops.png: these places, side by side
    words        what a table says

Nothing is imported here, so that `neuralpaint compare --help` does not load torch.
"""
