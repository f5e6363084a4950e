// Runs at the end of a copy of the page, and writes the faults that it finds into the document.
(() => {
  const wrong = [];
  const is = (what, found, expected) => {
    if (found !== expected) wrong.push(`${what}: ${found}, not ${expected}`);
  };
  const press = (key) => dispatchEvent(new KeyboardEvent("keydown", {key}));
  const at = () => location.hash;
  const after = "#" + LESSONS[8].name;

  is("the lessons beside it", $("nav details").open, true);
  is("the address that was asked for", at(), "#whole-call/3");
  is("its step", $("#place").textContent, "3 of " + LESSONS[7].steps.length);
  const moving = () => document.querySelectorAll("animate").length;
  is("moving, on opening an address", moving(), 0);
  press("ArrowRight"); is("right", at(), "#whole-call/4");
  press("ArrowLeft"); press("ArrowLeft"); is("left, twice", at(), "#whole-call/2");
  press("ArrowRight"); is("moving to the thief", moving(), 1); press("ArrowLeft");
  press("End"); is("End", at(), "#whole-call/" + LESSONS[7].steps.length);
  press("ArrowRight"); is("right, after the last", at(), after + "/1");
  press("ArrowLeft"); is("and back", at(), "#whole-call/" + LESSONS[7].steps.length);
  press("Home"); is("Home", at(), "#whole-call/1");
  press("ArrowUp"); is("up", at(), "#manual/1");
  press("ArrowDown"); press("ArrowDown"); is("down, twice", at(), after + "/1");
  $("#next").click(); is("the button", at(), after + "/2");
  $("#back").click(); is("and back", at(), after + "/1");

  let pictures = 0;
  LESSONS.forEach((l, number) => l.steps.forEach((s, index) => {
    go(number, index);
    const here = `${l.name}/${index + 1}`;
    is(here + " current row", document.querySelectorAll("tr[aria-current]").length, 1);
    for (const part of document.querySelectorAll("svg, .legend, th:last-child, td.drawn")) is(`${here} ${part.tagName} shown`, part.checkVisibility(), l.drawn);
    if (l.end && index === l.steps.length - 1) is(here + " fatal", $("#event").textContent.includes("ends the process: " + l.end), true);
    if (!l.drawn) return;
    pictures += 1;
    const {variables, objects, references} = s.picture;
    const alive = (to) => objects[to].count !== 0;
    const arrows = (kind) => document.querySelectorAll(`#picture > path.${kind}`).length;
    const of = (kind) => variables.filter(({ownership, object}) => ownership === kind && alive(object)).length;
    is(here + " boxes", document.querySelectorAll("#picture rect").length, variables.length + objects.length);
    is(here + " owned", arrows("Owned"), of("Owned") + references.filter(([, to]) => alive(to)).length);
    is(here + " borrowed", arrows("Borrowed"), of("Borrowed"));
    is(here + " stolen", arrows("Stolen"), of("Stolen"));
    is(here + " described", $("#picture").getAttribute("aria-label").length > 0, true);
    const frame = $("#picture").viewBox.baseVal;
    for (const width of ["", "368px"]) {
      $("main").style.width = $("main").style.maxWidth = width;
      const small = 12 * $("#picture").getScreenCTM().a;
      if (small < 9) wrong.push(`${here}: text of ${small.toFixed(1)} px where the page is ${width || "as wide as it is"}`);
    }
    $("main").style.width = $("main").style.maxWidth = "";
    const boxes = [...document.querySelectorAll("#picture rect")].map((rect) => rect.getBBox());
    boxes.forEach((a, i) => boxes.forEach((b, k) => {
      if (i < k && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)
        wrong.push(here + ": boxes overlap");
    }));
    for (const text of document.querySelectorAll("#picture text")) {
      const t = text.getBBox();
      if (t.x < 0 || t.x + t.width > frame.width || t.y + t.height > frame.height) wrong.push(`${here}: "${text.textContent}" is outside`);
      if (!["released", "lost"].includes(text.textContent) && !boxes.some((b) => t.x >= b.x && t.x + t.width <= b.x + b.width)) wrong.push(`${here}: "${text.textContent}" leaves its box`);
    }
  }));

  const channels = (color) => color.match(/[\d.]+/g).slice(0, 3).map((c) => {
    const part = c / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = (color) => { const [r, g, b] = channels(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const probe = document.body.appendChild(document.createElement("i"));
  const value = (name) => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); };
  for (const [ink, paper, least] of [["ink", "paper", 7], ["ink", "box", 7], ["ink", "mark", 7], ["soft", "paper", 4.5], ["soft", "box", 4.5], ["soft", "mark", 4.5], ["gone", "paper", 4.5], ["own", "paper", 4.5], ["borrow", "paper", 4.5], ["line", "paper", 3]]) {
    const [a, b] = [value(ink), value(paper)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < least) wrong.push(`${ink} on ${paper}: contrast ${contrast.toFixed(2)}`);
  }
  is("fetched", performance.getEntriesByType("resource").length, 0);
  is("errors", window.errors.join("; "), "");
  const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.body.innerHTML = `<pre id="report">${scheme} ${pictures} pictures\n${wrong.map(escaped).join("\n")}\nend of report</pre>`;
})();
