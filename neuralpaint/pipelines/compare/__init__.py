"""The comparison: several ways to learn one picture, side by side.

    compare      who trains, in which order, and what is told while it goes on
    settings     what all contestants share, and what the race looks like
    sweep        a TOML file of contestants
    contestants  every combination of what is to be tried, each with a name of its own
    names        those names, for people and for files
    folder       the folder of a comparison: what is in it, and what may be replaced
    result       everything that was found out
    training     one contestant learns, is measured and filmed
    measures     PSNR over the learned and the held-out pixels

    records      a contestant's result in a file, and back
    summary      everything that sums the contestants up, made anew each time
    tables       results.csv and results.json
    curves       curves.png and curves.svg
    maps         errors, spectra, and where the contestants differ most
    grid         grid.png: final pictures, error maps and spectra
    tiles        how the cells of the race lie, and how its writing is set
    race         race.mp4: all contestants learning at once
    page         report.html: everything on one page
    chart        its curves
    timeline     their time axis
    palette      their colours
    words        what it says
    images       its pictures

Nothing is imported here, so that `neuralpaint compare --help` does not load torch.
"""
