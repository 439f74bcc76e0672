"""What is in a page of pmetrics: page.py HTML prints it as JSON.

h2          the headings
parts       the first cell of each row of the tables
rows        all cells of each row
failures    the lines about failures
wires       how many lines the graph has
boxes       the names of the boxes of the graph, in full
marks       the words at the named parts
status      what the page says of the server
tags        the names of all elements, each once
handlers    attributes that are scripts, and addresses that are not ours
style, script   the hashes of these elements, as a policy has them
"""

import base64
import hashlib
import html.parser
import json
import sys

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = {name: [] for name in (
            "h2", "parts", "rows", "failures", "boxes", "marks", "status", "handlers")}
        self.seen["wires"] = 0
        self.tags = set()
        self.raw = {}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        for name, value in attributes.items():
            if name.startswith("on") or name == "style":
                self.seen["handlers"].append(name)
            if name in ("src", "href") and not value.startswith(("/", "data:,")):
                self.seen["handlers"].append(value)
        kind = attributes.get("class", "")
        if tag == "tr":
            self.seen["rows"].append([])
        self.seen["wires"] += kind == "wire"
        if tag not in VOID:
            self.open.append((tag, kind, attributes.get("id"), []))

    def handle_data(self, data):
        for element in self.open:
            element[3].append(data)

    def handle_endtag(self, tag):
        if tag in VOID or tag not in [e[0] for e in self.open]:
            return
        while True:
            name, kind, ident, text = self.open.pop()
            self.end(name, kind, ident, "".join(text))
            if name == tag:
                break

    def end(self, tag, kind, ident, text):
        if tag in ("style", "script"):
            self.raw[tag] = "sha256-" + base64.b64encode(
                hashlib.sha256(text.encode()).digest()).decode()
        elif tag == "h2":
            self.seen["h2"].append(text)
        elif tag == "td":
            if not self.seen["rows"][-1]:
                self.seen["parts"].append(text)
            self.seen["rows"][-1].append(text)
        elif kind == "failures":
            self.seen["failures"].append(text)
        elif tag == "title" and self.open[-1][1].split(" ")[0] in ("stage", "other"):
            self.seen["boxes"].append(text.split("\n")[0])
        elif tag == "text" and kind == "tagged":
            self.seen["marks"].append(text)
        elif ident == "live":
            self.seen["status"].append(text)


def main():
    page = Page()
    with open(sys.argv[1], encoding="utf-8") as file:
        page.feed(file.read())
    page.close()
    print(json.dumps({**page.seen, **page.raw, "tags": sorted(page.tags)}))


main()
