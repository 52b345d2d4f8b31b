"""Set a page of text: what the networks of `experiments/` find hardest."""

from pathlib import Path
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

SIDE = 512  # pixels
MARGIN = 30
TITLE = "What a network reads"
TEXT = (
    "A photograph is mostly smooth: colours change slowly, and an edge here and there does not "
    "weigh much. A page of text is the opposite. Ink or paper, and nothing between them; every "
    "stroke two pixels wide, and the next one just as near.",
    "A network that is given the coordinates alone learns slow changes first and fast ones "
    "hardly at all. What it makes of this page is a grey cloud where the lines are. Give it "
    "sines and cosines of the coordinates, and the letters come up like a print in its bath.",
    "How high should the frequencies be? Too low, and the strokes run together. Too high, and "
    "between the pixels that were learned anything may stand. Somewhere between, the page can "
    "be read.",
    "The smallest print is for the patient. At eleven pixels a letter is five across, its "
    "strokes are thinner than the distance between two samples, and only what is grey at their "
    "edges says which letter it is. Here the best of them begin to guess, and you can watch "
    "them do it.",
)

page = Image.new("L", (SIDE, SIDE), 255)
draw = ImageDraw.Draw(page)
draw.text((MARGIN, MARGIN), TITLE, fill=0, font=ImageFont.load_default(30))
top = MARGIN + 58
for size, paragraph in zip((19, 16, 13, 11), TEXT, strict=True):
    font = ImageFont.load_default(size)
    letters = round((SIDE - 2 * MARGIN) / font.getlength(paragraph) * len(paragraph)) - 2
    for line in wrap(paragraph, letters):
        draw.text((MARGIN, top), line, fill=0, font=font)
        top += round(1.4 * size)
    top += size
page.save(Path(__file__).resolve().parent.parent / "outputs" / "page.png")
