/* What a step asks before it shows. */
const isCount = (step) => !step.asked.endsWith("?");
/* The variable whose references a step counts, or an empty text. */
const counted = ({asked}) => /^(?:How many references are there to )?(\w+)(?: now\?)?$/.exec(asked)?.[1] || "";
const isUndefined = (step) => step.expected === "undefined";

/* The question of a step: its text, the choices, the right one, and whether it hides the line of C. The first answer
   that fits is asked: what to write, who owns the object of an arrow that appears or moves, or a value. */
function question({steps, end}, index) {
  const step = steps[index], before = steps[index - 1];
  const isFatal = end !== null && index === steps.length - 1, right = step.measured;
  if (isUndefined(step) || isFatal) return {text: "Is this allowed?", choices: ["yes", "no"], right: "no"};
  if (!isCount(step)) return {text: step.asked, choices: values(step, steps), right};
  const text = `How many references are there to ${step.asked} after this line?`;
  return toWrite(step) || newOwner(step, before, steps) || {text, choices: ["0", "1", "2", "3", "4"], right};
}

/* Asks for the line that releases a variable. */
function toWrite({call, asked, meaning, picture}) {
  if (call !== `Py_DECREF(${asked})`) return null;
  const {object} = picture.variables.find(({name}) => name === asked);
  const isUsed = ({ownership}) => ["Owned", "Borrowed"].includes(ownership);
  const other = picture.variables.find((variable) => variable.object !== object && isUsed(variable));
  const choices = [call, `Py_INCREF(${asked})`, other ? `Py_DECREF(${other.name})` : "nothing"];
  const text = `What must you write here, so that this is true: ${meaning}?`;
  return {text, choices: choices.sort(), right: call, hides: true};
}

/* Asks who owns an object of which a reference was borrowed or stolen in this step. */
function newOwner({asked, history, picture}, before, steps) {
  const was = before && before.history === history ? before.picture.variables : [];
  const same = (a, b) => a.name === b.name && a.ownership === b.ownership;
  const changed = (it) => ["Borrowed", "Stolen"].includes(it.ownership) && !was.some((old) => same(old, it));
  const variable = picture.variables.find((it) => it.name === asked);
  if (!variable || !picture.variables.some((it) => it.object === variable.object && changed(it))) return null;
  const {objects, variables, references} = picture, to = variable.object, nobody = "nobody: it is freed";
  const holders = references.filter(([, object]) => object === to).map(([from]) => objects[from].name);
  const ours = variables.some(({object, ownership}) => object === to && ownership === "Owned");
  const right = freed(objects[to]) ? nobody : [...(ours ? ["we"] : []), ...holders].join(" and ");
  const others = steps.flatMap((s) => s.picture.objects).filter(({name}) => name !== objects[to].name);
  const rival = [...holders, ...others.map(({name}) => name), "Python"][0];
  const choices = [...new Set(["we", rival, "we and " + rival, right, nobody])];
  return {text: `Who owns the object of ${asked} after this line?`, choices, right};
}

/* Answers to a question of a lesson: yes and no, numbers around the right one, or what the lesson also measured. */
function values({measured}, steps) {
  if (["yes", "no"].includes(measured)) return ["yes", "no"];
  const number = /^(\+?)(\d+)$/.exec(measured);
  if (number) {
    const around = [-2, -1, 0, 1].map((by) => Number(number[2]) + by).filter((value) => value >= 0);
    return around.map((value) => number[1] + value);
  }
  return [...new Set(steps.filter((s) => !isCount(s)).map((s) => s.measured))].sort();
}

/* The key of a choice: a number answers itself. */
const keyOf = (choices, index) => choices.every((choice) => /^\d$/.test(choice)) ? choices[index] : String(index + 1);
