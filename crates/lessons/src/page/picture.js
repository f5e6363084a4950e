/* Who owns what after a step, as a drawing and in words. */
const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})[c]);

/* An element as text. Attributes that are null are left out; what is inside is HTML already. */
function tag(name, attributes, ...inside) {
  const set = Object.entries(attributes).filter(([, value]) => value !== null);
  const all = set.map(([key, value]) => ` ${key}="${escaped(String(value))}"`).join("");
  return `<${name}${all}>${inside.join("")}</${name}>`;
}

const freed = (object) => object.count === 0;
const plain = (kind) => kind.replace(/.*\./, "");
const middle = (box) => box.y + box.h / 2;

/* Who owns what, one phrase for each variable and reference. */
function phrases({variables, objects, references}) {
  const name = (number) => objects[number].name;
  const parts = variables.map(({name: variable, ownership, object: to}) => {
    if (ownership === "Released") return variable + " is released";
    if (ownership === "Lost") return "nobody can release the object of " + name(to);
    if (freed(objects[to])) return variable + " points to freed memory";
    const object = variable === name(to) ? "its object" : "the object of " + name(to);
    if (ownership === "Stolen") return variable + " still points to " + object + ", but owns nothing";
    return variable + (ownership === "Owned" ? " owns " : " borrows ") + object;
  });
  for (const [from, to] of references) {
    const owns = freed(objects[to]) ? "points to freed memory" : "owns that of " + name(to);
    parts.push(`the object of ${name(from)} ${owns}`);
  }
  for (const {name, count} of objects) parts.push(`${name}: ${count === null ? "immortal" : count || "freed"}`);
  return parts;
}

/* The variables and objects of one history, each with its box. They are placed once for all its steps, so that
   nothing moves between two steps. Objects that own others stand in the first column. In a wide picture each
   object is beside its variables; in a narrow one it is under them. */
function places(steps, narrow) {
  const {objects} = steps.at(-1).picture;
  const owners = new Set(steps.flatMap(({picture}) => picture.references.map(([from]) => from)));
  const pointing = objects.map(() => []);
  for (const {name, object} of steps.flatMap(({picture}) => picture.variables)) {
    if (!pointing[object].includes(name)) pointing[object].push(name);
  }
  const boxes = [], pills = new Map(), place = narrow ? under : beside;
  const tops = [14, 14];
  for (const owns of [true, false]) objects.forEach((_, number) => {
    if (owners.has(number) === owns) place(number, owners.size === 0 ? number % 2 : owns ? 0 : 1);
  });
  return {boxes, pills, width: narrow ? 320 : 604, height: Math.max(...tops, 60)};

  function beside(number, column) {
    const names = pointing[number], height = Math.max(64, names.length * 48 - 6);
    boxes[number] = {x: owners.size === 0 ? 184 : [184, 432][column], y: tops[0] + (height - 64) / 2, w: 168, h: 64};
    const first = tops[0] + (height - (names.length * 48 - 6)) / 2;
    names.forEach((name, row) => pills.set(name + number, {x: 4, y: first + row * 48, w: 112, h: 42}));
    tops[0] += height + 18;
  }

  function under(number, column) {
    const names = pointing[number], x = 2 + column * 180, rows = Math.ceil(names.length / 2);
    names.forEach((name, index) => {
      const right = index % 2, alone = index === names.length - 1 && !right, w = names.length === 1 ? 104 : 65;
      const left = alone ? 68 - w / 2 : right * 71, y = tops[column] + Math.floor(index / 2) * 46;
      /* The arrows of the first row pass beside the second. */
      const shift = rows > 1 && !alone ? (right ? 26 : -26) : 0;
      pills.set(name + number, {x: x + left, y, w, h: 40, shift});
    });
    boxes[number] = {x, y: tops[column] + (rows && rows * 46 + 22), w: 136, h: 58};
    tops[column] = boxes[number].y + 58 + 18;
  }
}

const curve = (x1, y1, x2, y2, dx, dy) => `M${x1} ${y1} C${x1 + dx} ${y1 + dy} ${x2 - dx} ${y2 - dy} ${x2} ${y2}`;

/* From a variable to its object. */
function pointer(pill, box, narrow) {
  if (narrow) {
    const x = pill.x + pill.w / 2 + pill.shift;
    return [x, pill.y + pill.h, x, box.y];
  }
  return [pill.x + pill.w, middle(pill), box.x, Math.min(box.y + box.h - 10, Math.max(box.y + 10, middle(pill)))];
}

function straight([x1, y1, x2, y2]) {
  return x1 === x2 ? curve(x1, y1, x2, y2, 0, 8) : curve(x1, y1, x2, y2, Math.min(40, (x2 - x1) / 2), 0);
}

function zigzag([x1, y1, x2, y2]) {
  const long = Math.hypot(x2 - x1, y2 - y1), count = Math.max(4, Math.round(long / 14));
  const [dx, dy] = [(y1 - y2) / long * 6, (x2 - x1) / long * 6];
  let path = `M${x1} ${y1}`;
  for (let i = 1; i < count; i++) {
    const at = i / count, side = i % 2 ? 1 : -1;
    path += ` L${(x1 + (x2 - x1) * at + side * dx).toFixed(1)} ${(y1 + (y2 - y1) * at + side * dy).toFixed(1)}`;
  }
  return path + ` L${x2} ${y2}`;
}

/* From an object to one that it owns. */
function between(from, to, narrow) {
  const x = from.x + from.w, far = narrow ? 36 : 64;
  if (from === to) {
    const out = x + far + 6, end = from.y + from.h;
    return `M${x} ${from.y + 16} C${out} ${from.y - 6} ${out} ${end + 6} ${x} ${end - 16}`;
  }
  if (from.x === to.x) {
    /* If two objects own each other, the arrow up runs inside the arrow down. */
    const [side, bow] = to.y > from.y ? [12, far] : [-22, far / 2], y1 = middle(from) + side, y2 = middle(to) - side;
    return `M${x} ${y1} C${x + bow} ${y1} ${x + bow} ${y2} ${x} ${y2}`;
  }
  return curve(x, middle(from), to.x, middle(to), narrow ? 30 : 50, 0);
}

/* The picture of a step as the inside of an <svg>. A reference that was stolen since the step before moves to its
   new owner. */
function drawing({picture, asked}, before, {boxes, pills}, narrow) {
  let out = "";
  const arrow = (kind, d, more = "") => tag("path", {class: kind, d, "marker-end": `url(#to${kind})`}, more);
  const text = (kind, x, y, said, anchor) => tag("text", {class: kind, x, y, "text-anchor": anchor}, escaped(said));
  const moving = (from, to) => {
    if (!before || before.picture.references.some(([f, t]) => f === from && t === to)) return "";
    const owned = (name) => before.picture.variables.some((was) => was.name === name && was.ownership === "Owned");
    const isIt = ({name, ownership, object}) => ownership === "Stolen" && object === to && owned(name);
    const stolen = picture.variables.find(isIt);
    if (!stolen) return "";
    const start = straight(pointer(pills.get(stolen.name + to), boxes[to], narrow));
    const end = between(boxes[from], boxes[to], narrow);
    return tag("animate", {attributeName: "d", from: start, to: end, dur: "0.8s"});
  };
  const target = picture.variables.find(({name}) => name === asked);
  picture.objects.forEach(({name, kind, value, count}, number) => {
    const {x, y, w, h} = boxes[number];
    const isLost = picture.variables.some(({ownership, object}) => ownership === "Lost" && object === number);
    const styles = ["box", target && target.object === number && "asked", isLost && "lost"].filter(Boolean).join(" ");
    out += tag("rect", {class: count === 0 ? "box freed" : styles, "data-of": name, x, y, width: w, height: h, rx: 8});
    out += text(null, x + 12, y + 25, plain(kind) + (value && " " + value), null);
    out += text("small", x + 12, y + h - 14, "of " + name, null);
    const [style, said] = count === 0 ? ["freedtext", "freed"] : ["count", count === null ? "∞" : String(count)];
    out += text(style, x + w - 12, y + h - 12, said, "end");
  });
  for (const [from, to] of picture.references) {
    const [a, b] = [boxes[from], boxes[to]];
    if (!freed(picture.objects[to])) out += arrow("Owned", between(a, b, narrow), moving(from, to));
    else out += arrow("dangling", zigzag([a.x + a.w, middle(a), b.x, middle(b)]));
  }
  for (const {name, ownership, object} of picture.variables) {
    const {x, y, w, h} = pills.get(name + object), over = ["Released", "Lost"].includes(ownership);
    const dangling = !over && freed(picture.objects[object]), kind = dangling ? "dangling" : ownership;
    const says = {Owned: "owns", Borrowed: "borrows", Stolen: "stolen", Released: "released", Lost: "lost"};
    const styles = [narrow && "tight", (over || kind === "Stolen") && "struck"].filter(Boolean).join(" ");
    out += tag("g", {class: over ? "faint" : null},
      tag("rect", {class: "box", "data-of": name + "=", x, y, width: w, height: h, rx: 14}),
      text(styles, x + w / 2, y + 18, name, "middle"),
      text("small " + kind, x + w / 2, y + h - 8, dangling ? "dangling" : says[ownership], "middle"));
    const way = pointer(pills.get(name + object), boxes[object], narrow);
    if (!over) out += arrow(kind, dangling ? zigzag(way) : straight(way));
  }
  return out;
}
