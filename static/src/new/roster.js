/**
 * A pasted roster, one `name, group` a line, read the way the server reads it, but saying everything that is wrong at once, line by
 * line. Knows no DOM.
 */

const NAME_MAX = 40 // a name must fit on a seat
const GROUP_MAX = 60
const GROUPS_MAX = 60
const SEPARATORS = ["\t", ";", "؛", ",", "،"] // the first of these that a line holds: "Lovelace, Ada; Group 1" is one name
const HEADER_NAMES = new Set(["name", "names", "first name", "student", "students", "الاسم"])
const HEADER_GROUPS = new Set(["group", "groups", "room", "table", "team", "المجموعة"])

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
  /** @type {Map<string, string>} */
  const groupOf = new Map()
  text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/).forEach((raw, i) => {
    const line = raw.trim().replace(/^[\t;؛,،]+$|[\t;؛,،]+$/g, "").trim() // empty trailing columns
    if (!line) return
    /** @param {Problem["problem"]} problem */
    const wrong = (problem) => void problems.push({ line: i + 1, problem, text: line })
    const separator = SEPARATORS.find((each) => line.includes(each))
    if (!separator) return wrong("group")
    const at = line.lastIndexOf(separator)
    const name = tidy(line.slice(0, at))
    const group = tidy(line.slice(at + 1))
    if (groupOf.size === 0 && HEADER_NAMES.has(name.toLowerCase()) && HEADER_GROUPS.has(group.toLowerCase())) return
    if (!name) return wrong("name")
    if (!group) return wrong("group")
    if ([...name].length > NAME_MAX || [...group].length > GROUP_MAX) return wrong("long")
    const key = group.toLowerCase()
    const earlier = groupOf.get(name.toLowerCase())
    if (earlier !== undefined) return earlier === key ? undefined : wrong("again")
    if (!groups.has(key) && groups.size >= GROUPS_MAX) return wrong("many")
    groupOf.set(name.toLowerCase(), key)
    const found = groups.get(key) ?? { name: group, people: [] }
    found.people.push(name)
    groups.set(key, found)
  })
  return { groups: [...groups.values()], problems, people: groupOf.size }
}

/** @param {string} text */
function tidy(text) {
  return text.trim().replace(/^["']+|["']+$/g, "").replace(/\s+/g, " ").trim()
}
