"""Motion: where everything in a picture has gone in the next one, and how it looked on the way.

flow          from one picture to another, coarse to fine
variational   what makes a rough flow exact, at one size
search        what finds motion that is too fast for that: windows, tried everywhere
warping       a picture read where a flow points, and a flow carried along itself

interpolation the picture at a time between two others
densification frames with so many in-betweens that nothing leaps any more
"""
