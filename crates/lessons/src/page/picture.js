/* Who owns what after a step, as a drawing and in words. */
const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})[c]);
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
  for (const [from, to] of references) parts.push(`the object of ${name(from)} ${freed(objects[to]) ? "points to freed memory" : `owns that of ${name(to)}`}`);
  for (const {name, count} of objects) parts.push(`${name}: ${count === null ? "immortal" : count === 0 ? "freed" : count}`);
  return parts;
}

/* The variables and objects of one history, each with its box. They are placed once for all its steps, so that
   nothing moves between two steps. Objects that own others stand in the first column. In a wide picture each
   object is beside its variables; in a narrow one it is under them. */
function places(steps, narrow) {
  const {objects} = steps.at(-1).picture;
  const owners = new Set(steps.flatMap(({picture}) => picture.references.map(([from]) => from)));
  const pointing = objects.map(() => []);
  for (const {picture} of steps) for (const {name, object} of picture.variables) if (!pointing[object].includes(name)) pointing[object].push(name);
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
      const alone = index === names.length - 1 && index % 2 === 0, w = names.length === 1 ? 104 : 65;
      pills.set(name + number, {x: x + (alone ? 68 - w / 2 : (index % 2) * 71), y: tops[column] + Math.floor(index / 2) * 46, w, h: 40, edge: rows > 1 && !alone && (index % 2 ? 1 : -1)});
    });
    boxes[number] = {x, y: tops[column] + (rows && rows * 46 + 22), w: 136, h: 58};
    tops[column] = boxes[number].y + 58 + 18;
  }
}

const curve = (x1, y1, x2, y2, dx, dy) => `M${x1} ${y1} C${x1 + dx} ${y1 + dy} ${x2 - dx} ${y2 - dy} ${x2} ${y2}`;

/* From a variable to its object. */
function pointer(pill, box, narrow) {
  if (narrow) {
    const x = pill.x + pill.w / 2 + (pill.edge ? pill.edge * 26 : 0);
    return [x, pill.y + pill.h, x, box.y];
  }
  return [pill.x + pill.w, middle(pill), box.x, Math.min(box.y + box.h - 10, Math.max(box.y + 10, middle(pill)))];
}

const straight = ([x1, y1, x2, y2]) => x1 === x2 ? curve(x1, y1, x2, y2, 0, 8) : curve(x1, y1, x2, y2, Math.min(40, (x2 - x1) / 2), 0);

function zigzag([x1, y1, x2, y2]) {
  const long = Math.hypot(x2 - x1, y2 - y1), count = Math.max(4, Math.round(long / 14)), [dx, dy] = [(y1 - y2) / long * 6, (x2 - x1) / long * 6];
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
  if (from === to) return `M${x} ${from.y + 16} C${x + far + 6} ${from.y - 6} ${x + far + 6} ${from.y + from.h + 6} ${x} ${from.y + from.h - 16}`;
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
  const arrow = (kind, path, more = "") => `<path class="${kind}" d="${path}" marker-end="url(#to${kind})">${more}</path>`;
  const moving = (from, to) => {
    if (!before || before.picture.references.some(([f, t]) => f === from && t === to)) return "";
    const owned = (name) => before.picture.variables.some((was) => was.name === name && was.ownership === "Owned");
    const stolen = picture.variables.find(({name, ownership, object}) => ownership === "Stolen" && object === to && owned(name));
    return stolen ? `<animate attributeName="d" from="${straight(pointer(pills.get(stolen.name + to), boxes[to], narrow))}" to="${between(boxes[from], boxes[to], narrow)}" dur="0.8s"/>` : "";
  };
  const target = picture.variables.find(({name}) => name === asked);
  picture.objects.forEach(({name, kind, value, count}, number) => {
    const {x, y, w, h} = boxes[number];
    const lost = picture.variables.some(({ownership, object}) => ownership === "Lost" && object === number) ? " lost" : "";
    const [box, text, said] = count === 0 ? [" freed", "freedtext", "freed"] : [(target && target.object === number ? " asked" : "") + lost, "count", count === null ? "∞" : count];
    out += `<rect class="box${box}" data-of="${escaped(name)}" x="${x}" y="${y}" width="${w}" height="${h}" rx="8"/><text x="${x + 12}" y="${y + 25}">${escaped(plain(kind) + (value && " " + value))}</text><text class="small" x="${x + 12}" y="${y + h - 14}">of ${escaped(name)}</text><text class="${text}" x="${x + w - 12}" y="${y + h - 12}" text-anchor="end">${said}</text>`;
  });
  for (const [from, to] of picture.references) {
    if (!freed(picture.objects[to])) out += arrow("Owned", between(boxes[from], boxes[to], narrow), moving(from, to));
    else out += arrow("dangling", zigzag([boxes[from].x + boxes[from].w, middle(boxes[from]), boxes[to].x, middle(boxes[to])]));
  }
  for (const {name, ownership, object} of picture.variables) {
    const {x, y, w, h} = pills.get(name + object), over = ["Released", "Lost"].includes(ownership);
    const dangling = !over && freed(picture.objects[object]), kind = dangling ? "dangling" : ownership;
    const says = dangling ? "dangling" : {Owned: "owns", Borrowed: "borrows", Stolen: "stolen", Released: "released", Lost: "lost"}[ownership];
    out += `<g class="${over ? "faint" : ""}"><rect class="box" data-of="${escaped(name)}=" x="${x}" y="${y}" width="${w}" height="${h}" rx="14"/><text class="${over || kind === "Stolen" ? "struck" : ""}" x="${x + w / 2}" y="${y + 18}" text-anchor="middle"${narrow ? ' style="font-size:11.5px"' : ""}>${escaped(name)}</text><text class="small ${kind}" x="${x + w / 2}" y="${y + h - 8}" text-anchor="middle">${says}</text></g>`;
    const way = pointer(pills.get(name + object), boxes[object], narrow);
    if (!over) out += arrow(kind, dangling ? zigzag(way) : straight(way));
  }
  return out;
}
