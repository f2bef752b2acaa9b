/**
 * A pasted roster, one `name, group` a line, read the way the server reads it, with what is wrong line by line. Knows no DOM.
 */

const NAME_MAX = 40; // a name must fit on a seat
const GROUP_MAX = 60
const GROUPS_MAX = 60

/** @typedef {{ line: number, problem: "group" | "name" | "long" | "again" | "many", text: string }} Problem */
/** @typedef {{ groups: { name: string, people: string[] }[], problems: Problem[], people: number }} Roster */

/**
 * @param {string} text
 * @returns {Roster}
 */
export function readRoster(text) {
  /** @type {Map<string, { name: string, people: string[] }>} */
  const groups = new Map()
  /** @type {Problem[]} */
  const problems = []
  const seen = new Set()
  text.split(/\r\n|\r|\n/).forEach((raw, i) => {
    const line = raw.trim()
    if (!line) return
    /** @param {Problem["problem"]} problem */
    const wrong = (problem) => problems.push({ line: i + 1, problem, text: line })
    const at = separator(line)
    const name = tidy(at < 0 ? line : line.slice(0, at))
    const group = tidy(at < 0 ? "" : line.slice(at + 1))
    if (!name) return wrong("name")
    if (!group) return wrong("group")
    if ([...name].length > NAME_MAX || [...group].length > GROUP_MAX) return wrong("long")
    if (seen.has(name.toLowerCase())) return wrong("again")
    const key = group.toLowerCase()
    if (!groups.has(key) && groups.size >= GROUPS_MAX) return wrong("many")
    seen.add(name.toLowerCase())
    const found = groups.get(key) ?? { name: group, people: [] }
    found.people.push(name)
    groups.set(key, found)
  })
  return { groups: [...groups.values()], problems, people: seen.size }
}

/** A name may hold a comma ("Lee, Mia, Salmon"): the last separator counts. @param {string} line */
function separator(line) {
  const tab = line.lastIndexOf("\t"); // pasted from a spreadsheet
  return tab >= 0 ? tab : Math.max(line.lastIndexOf(","), line.lastIndexOf(";"), line.lastIndexOf("،"))
}

/** @param {string} text */
function tidy(text) {
  return text.trim().replace(/^"(.*)"$/, "$1").replace(/\s+/g, " ").trim()
}
