// SPDX-License-Identifier: GPL-3.0-or-later
// Draws plan.html from the data in the page. Every text reaches the page as a text node: nothing of an inventory is ever markup.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const VERDICTS = { refused: "✕", warning: "!", unknown: "?", good: "✓", free: "○" }; // the gravest first
  const GRAVITY = Object.keys(VERDICTS);
  const ALONE = 24; // hosts up to which each has a box of its own; more are stacked with those that are alike
  const MOST = { boxes: 48, lines: 240, labels: 12, rows: 30, text: 160, charted: 60, machines: 18, findings: 100, figures: 20, lacking: 12, names: 4, apart: 12 };

  const plan = JSON.parse(document.getElementById("data").textContent);
  const find = (selector) => document.querySelector(selector);
  const wanted = { terms: [], workload: "", hidden: new Set() };
  const opened = new Set(); // lists that were asked for in full
  let drawn = { boxes: [], lines: [] };

  // ---- elements ----

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== "" && child !== null && child !== undefined));
    return element;
  }
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const pressed = (act) => ({ onclick: act, onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(event); } } });
  const number = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
  const clipped = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const names = (list, most = MOST.names) =>
    list.length <= most ? list.join(", ") : `${list.slice(0, most - 1).join(", ")} … ${list[list.length - 1]} (${list.length.toLocaleString("en")})`;
  const ratio = (text) => { const [over, under = "1"] = String(text).split("/"); return Number(over) / Number(under); };
  const verdictOf = (group) => GRAVITY.find((name) => group.verdict.startsWith(name)) ?? "unknown";
  const brief = (list) => (list.length <= 2 ? list.join(", ") : `${list.length.toLocaleString("en")} × ${list[0]} …`);
  const byGravity = (one, other) => GRAVITY.indexOf(one.verdict) - GRAVITY.indexOf(other.verdict);
  const badge = (verdict, text) => h("span", { class: `badge ${verdict}` }, h("i", { "aria-hidden": "true" }, VERDICTS[verdict]), ` ${text}`);

  // ---- the plan, looked up ----

  const hosts = new Map(plan.hosts.map((host) => [host.name, host]));
  // A search for the whole of a name means that one, not all that begin with it: gateway3 is none of gateway30 to gateway39.
  const named = new Set(plan.hosts.flatMap((host) => [host.name.toLowerCase(), host.machine.toLowerCase()]));
  const placesOf = (finding) => finding.hosts.slice(0, finding.hosts.length - finding.also.length);
  const noted = new Map(); // host → codes of what is to be changed there
  for (const finding of plan.findings.filter(({ level }) => level !== "info")) {
    for (const name of placesOf(finding)) noted.set(name, [...(noted.get(name) ?? []), finding.code].sort());
  }
  const ends = new Map();

  /** Host and node behind a name of an edge: `host`, `host/node`, or the URL of somebody else's orchestrator. */
  function endOf(name, role) {
    const key = `${role} ${name}`;
    if (!ends.has(key)) {
      const cut = name.lastIndexOf("/");
      const split = !hosts.has(name) && hosts.has(name.slice(0, cut));
      const host = split ? name.slice(0, cut) : name;
      if (!hosts.has(host)) hosts.set(host, { name: host, machine: host, foreign: true, nodes: [{ name: "not of this fleet", role }] });
      const own = hosts.get(host).nodes.filter((node) => node.role === role);
      const node = split ? name.slice(cut + 1) : (own.find((one) => one.name === role) ?? own[0])?.name ?? role;
      ends.set(key, { host, node });
    }
    return ends.get(key);
  }

  function searched(host) {
    host.words ??= [host.name, host.machine, ...host.nodes.flatMap((node) => [node.name, node.network])].join(" ").toLowerCase();
    return !wanted.terms.length || wanted.terms.some((term) => (named.has(term) ? [host.name, host.machine].some((name) => name.toLowerCase() === term) : host.words.includes(term)));
  }

  /** The edges that the filter lets through: their group with the pairs that are left of it. */
  function visible() {
    const through = [];
    for (const group of plan.groups) {
      const verdict = verdictOf(group);
      if (wanted.hidden.has(verdict) || (wanted.workload && group.workload !== wanted.workload)) continue;
      const between = wanted.terms.length ? group.between.flatMap(matching) : group.between;
      const count = between.reduce((sum, [from, to]) => sum + from.length * to.length, 0);
      if (count) through.push({ group, verdict, between, count });
    }
    return through.sort(byGravity);
  }

  function matching([gateways, orchestrators]) {
    const of = (list, role) => list.filter((name) => searched(hosts.get(endOf(name, role).host)));
    const from = of(gateways, "gateway");
    if (from.length === gateways.length) return [[gateways, orchestrators]];
    const rest = gateways.filter((name) => !from.includes(name));
    const to = of(orchestrators, "orchestrator");
    return [[from, orchestrators], [rest, to]].filter(([left, right]) => left.length && right.length);
  }

  const unique = (list) => [...new Set(list)];
  const gatewaysOf = (one) => unique(one.between.flatMap(([from]) => from));
  const orchestratorsOf = (one) => unique(one.between.flatMap(([, to]) => to));
  const briefly = (one) => `${brief(gatewaysOf(one))} → ${brief(orchestratorsOf(one))}`;
  const between = (one) => `${names(gatewaysOf(one))} → ${names(orchestratorsOf(one))}`;

  // ---- the picture: boxes ----

  function boxesOf(edges) {
    const seen = new Map(); // host → what it takes part in, finely and coarsely
    const add = (host, fine, coarse) => {
      if (!seen.has(host)) seen.set(host, { fine: new Set(), coarse: new Set(), gravity: GRAVITY.length });
      const one = seen.get(host);
      one.fine.add(fine);
      one.coarse.add(coarse);
      one.gravity = Math.min(one.gravity, GRAVITY.indexOf(coarse.split(" ")[1]));
    };
    edges.forEach(({ group, verdict, between }, index) => {
      for (const [from, to] of between) {
        for (const name of from) add(endOf(name, "gateway").host, `>${index}`, `> ${verdict} ${group.workload}`);
        for (const name of to) add(endOf(name, "orchestrator").host, `<${index}`, `< ${verdict} ${group.workload}`);
      }
    });
    const narrowed = wanted.workload || wanted.hidden.size;
    const free = { fine: new Set(), coarse: new Set(), gravity: GRAVITY.length };
    for (const host of hosts.values()) if (!narrowed && !host.foreign && !seen.has(host.name) && searched(host)) seen.set(host.name, free);
    if (seen.size <= ALONE) return stacked(seen, (name) => name);
    // Hosts with findings are not to be looked for in a stack: few have a box each, of many those with the same codes share one.
    const apart = (name) => (noted.size <= MOST.apart && noted.has(name) ? name : (noted.get(name) ?? []).join());
    const alike = (sort) => (name, one) => [apart(name), shape(hosts.get(name)), ...[...one[sort]].sort()].join("|");
    const fine = stacked(seen, alike("fine"));
    return fine.length <= MOST.boxes ? fine : stacked(seen, alike("coarse"));
  }

  const shape = (host) => JSON.stringify([host.foreign ?? false, host.nodes.map((node) => [node.name, node.role, node.network])]);

  function stacked(seen, key) {
    const stacks = new Map();
    for (const [name, one] of seen) {
      const place = key(name, one);
      if (!stacks.has(place)) stacks.set(place, { hosts: [], gravity: one.gravity, nodes: hosts.get(name).nodes, foreign: hosts.get(name).foreign });
      stacks.get(place).hosts.push(name);
    }
    return [...stacks.values()].sort((one, other) => one.gravity - other.gravity);
  }

  function linesOf(edges, boxes) {
    const boxOf = new Map(boxes.flatMap((box) => box.hosts.map((host) => [host, box])));
    const lines = new Map();
    for (const one of edges) {
      for (const [from, to] of one.between) {
        for (const start of tally(from, "gateway", boxOf)) {
          for (const stop of tally(to, "orchestrator", boxOf)) {
            const key = `${start.key} ${stop.key} ${one.verdict}`;
            if (!lines.has(key)) lines.set(key, { start, stop, verdict: one.verdict, count: 0, edges: new Set() });
            lines.get(key).count += start.count * stop.count;
            lines.get(key).edges.add(one);
          }
        }
      }
    }
    return [...lines.values()].sort(byGravity);
  }

  function tally(list, role, boxOf) {
    const found = new Map();
    for (const name of list) {
      const { host, node } = endOf(name, role);
      const box = boxOf.get(host);
      if (!box) continue;
      const key = `${box.place}/${node}`;
      if (!found.has(key)) found.set(key, { key, box, node, count: 0 });
      found.get(key).count += 1;
    }
    return [...found.values()];
  }

  // ---- the picture: where things stand ----

  const BOX = { width: 268, head: 30, node: 26, foot: 8, gap: 22, across: [200, 420], bulge: 74 };
  const heightOf = (box) => BOX.head + BOX.node * box.nodes.length + BOX.foot;
  const has = (box, role) => box.nodes.some((node) => node.role === role);

  function laidOut(boxes, lines) {
    const columns = [[], [], []];
    for (const box of boxes) columns[has(box, "gateway") ? (has(box, "orchestrator") ? 1 : 0) : 2].push(box);
    const within = lines.every((line) => line.start.box === line.stop.box);
    const used = within ? dealt(boxes) : columns.filter((column) => column.length);
    const longest = lines.length <= MOST.labels ? Math.max(0, ...lines.map((line) => 6.8 * Math.min(48, labelOf(line).length) + 70)) : 0;
    const across = within ? BOX.bulge + 20 : Math.min(BOX.across[1], Math.max(BOX.across[0], longest));
    const tall = (column) => column.reduce((sum, box) => sum + heightOf(box) + BOX.gap, -BOX.gap);
    // What goes from the first column to the third must not pass behind the second: that one stands lower then.
    const lower = !within && columns.every((column) => column.length) ? Math.max(tall(columns[0]), tall(columns[2])) + BOX.gap : 0;
    const height = Math.max(0, ...used.map((column, index) => tall(column) + (index === 1 ? lower : 0)));
    const upper = lower ? lower - BOX.gap : height;
    used.forEach((column, index) => {
      let y = within ? 0 : lower && index === 1 ? lower : (upper - tall(column)) / 2;
      for (const box of column) {
        box.x = index * (BOX.width + across);
        box.y = y;
        y += heightOf(box) + BOX.gap;
      }
    });
    const curled = lines.some((line) => line.start.box.x === line.stop.box.x);
    return { width: used.length * (BOX.width + across) - across + (curled ? BOX.bulge : 0), height, columns: used.length };
  }

  function dealt(boxes) {
    const columns = Array.from({ length: Math.min(3, boxes.length) }, () => []);
    boxes.forEach((box, index) => columns[index % columns.length].push(box));
    return columns;
  }

  function rowOf(end) {
    const index = Math.max(0, end.box.nodes.findIndex((node) => node.name === end.node));
    return end.box.y + BOX.head + BOX.node * (index + 0.5);
  }

  /** A curve between two nodes, and the point of it where its sign stands. The nth line between the same nodes bends aside. */
  function curve(line, nth) {
    const bend = (nth % 2 ? 1 : -1) * 52 * Math.ceil(nth / 2);
    const from = { x: line.start.box.x + BOX.width, y: rowOf(line.start) };
    const curled = line.start.box.x >= line.stop.box.x;
    const to = { x: line.stop.box.x + (curled ? BOX.width : 0), y: rowOf(line.stop) };
    const out = curled ? Math.max(from.x, to.x) + BOX.bulge + 14 * nth : (from.x + to.x) / 2;
    const [first, last] = curled ? [from.y, to.y] : [from.y + bend, to.y + bend];
    const t = curled ? 0.5 : line.at;
    const at = (a, b, c, d) => (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
    return { path: `M${from.x} ${from.y} C${out} ${first} ${out} ${last} ${to.x} ${to.y}`, x: at(from.x, out, out, to.x), y: at(from.y, first, last, to.y), curled, below: bend > 0 };
  }

  /** Where along its line each sign stands: towards the side where fewer lines meet, those that meet there one after the other. */
  function spread(lines) {
    const meeting = new Map();
    const meet = (key) => { meeting.set(key, (meeting.get(key) ?? 0) + 1); return meeting.get(key); };
    for (const { start, stop } of lines) [`>${start.key}`, `<${stop.key}`].forEach(meet);
    const placed = new Map();
    for (const line of lines) {
      const [starting, stopping] = [meeting.get(`>${line.start.key}`), meeting.get(`<${line.stop.key}`)];
      const side = starting >= stopping ? `<${line.stop.key}` : `>${line.start.key}`;
      const nth = placed.get(side) ?? 0;
      placed.set(side, nth + 1);
      const from = starting === 1 && stopping === 1 ? 0.5 : 0.7 - 0.11 * (nth % 4);
      line.at = starting >= stopping ? from : 1 - from;
    }
  }

  /** Words beside the signs, as many as find room. */
  function labelled(signs) {
    const taken = [...signs.map(({ x, y }) => [x - 9, y - 9, x + 9, y + 9]), ...drawn.boxes.map((box) => [box.x, box.y, box.x + BOX.width, box.y + heightOf(box)])];
    const free = (box) => taken.every(([left, top, right, bottom]) => box[2] < left || box[0] > right || box[3] < top || box[1] > bottom);
    return signs.map(({ x, y, curled, below, text }) => {
      const half = text.length * 3.4;
      const beside = [[x + 14 + half, y + 4], [x - 14 - half, y + 4]];
      const places = curled ? beside.slice(0, 1) : [...(below ? [[x, y + 21], [x, y - 13]] : [[x, y - 13], [x, y + 21]]), ...beside];
      const place = places.find(([middle, base]) => free([middle - half - 4, base - 11, middle + half + 4, base + 3]));
      if (!place) return "";
      taken.push([place[0] - half, place[1] - 9, place[0] + half, place[1] + 2]);
      // No line runs through the words.
      return [s("rect", { class: "behind", x: place[0] - half - 2, y: place[1] - 10, width: 2 * half + 4, height: 13, rx: 3 }), s("text", { class: "label", x: place[0], y: place[1] }, text)];
    });
  }

  // ---- the picture: drawing ----

  function drawPicture(edges) {
    const all = boxesOf(edges);
    const boxes = all.slice(0, MOST.boxes);
    boxes.forEach((box, index) => { box.place = index; });
    const everyLine = linesOf(edges, boxes);
    const lines = everyLine.slice(0, MOST.lines);
    spread(lines);
    drawn = { boxes, lines };
    const place = find("#drawing");
    if (!boxes.length) return place.replaceChildren(h("p", { class: "none" }, plan.hosts.length ? "Nothing fits the filter." : "There is no host in this fleet."));
    const { width, height, columns } = laidOut(boxes, lines);
    find("main").classList.toggle("wide", columns > 2 || !plan.findings.length);
    const parallel = new Map();
    const signs = [...lines].reverse().map((line) => drawLine(line, parallel));
    const top = Math.min(-10, ...signs.map(({ y }) => y - 28));
    const bottom = Math.max(height + 10, ...signs.map(({ y }) => y + 28));
    const svg = s("svg", { viewBox: `-8 ${top} ${width + 16} ${bottom - top}`, width: width + 16, role: "group", "aria-label": "Hosts as boxes, jobs as lines from gateways to orchestrators" },
      signs.map(({ line }) => line.element), boxes.map(drawBox),
      s("g", { class: "signs", "aria-hidden": "true" }, lines.length <= MOST.labels ? labelled([...signs].reverse()) : "", signs.map(({ x, y, line }) => mark(x, y, line.verdict))));
    place.replaceChildren(legend(lines), h("div", { class: "scroll" }, svg), ...leftOut(all.length - boxes.length, everyLine.length - lines.length));
  }

  function leftOut(boxes, lines) {
    if (!boxes && !lines) return [];
    return [h("p", { class: "none" }, `Not drawn: ${number(boxes, "more box", "more boxes")} and ${number(lines, "more line")}, none graver than these. Search for a host to see its own.`)];
  }

  function legend(lines) {
    const used = GRAVITY.filter((verdict) => lines.some((line) => line.verdict === verdict));
    return h("p", { class: "legend" }, used.map((verdict) => {
      const sample = s("svg", { width: 44, height: 16, "aria-hidden": "true" }, s("path", { class: `line ${verdict}`, d: "M0 8H44" }), mark(22, 8, verdict));
      return h("span", {}, sample, ` ${words(verdict)}`);
    }));
  }

  const words = (verdict) => ({ refused: "refused", warning: "warning", unknown: "unknown", good: "good", free: "free (off-chain)" })[verdict];
  const mark = (x, y, verdict) => s("g", { class: `mark ${verdict}`, transform: `translate(${x} ${y})` }, s("circle", { r: 7.5 }), s("text", { y: 4 }, VERDICTS[verdict]));

  /** Draws a line, and tells where its sign and its words belong. */
  function drawLine(line, parallel) {
    const key = `${line.start.key} ${line.stop.key}`;
    const nth = parallel.get(key) ?? 0;
    parallel.set(key, nth + 1);
    const { path, ...place } = curve(line, nth);
    const text = labelOf(line);
    const name = `${titles(line)}: ${text}, ${words(line.verdict)}`;
    line.element = s("g", { class: "edge", tabindex: 0, role: "button", "aria-label": name, ...pressed(() => choose([line])) },
      s("title", {}, name), s("path", { class: "touch", d: path }), s("path", { class: `line ${line.verdict}`, d: path }));
    return { ...place, line, text: clipped(text, 48) };
  }

  function labelOf(line) {
    const edges = [...line.edges];
    const headrooms = unique(edges.map(({ group }) => group.texts.headroom).filter(Boolean));
    const workloads = unique(edges.map(({ group }) => group.workload));
    // The count is of edges, one for each workload: it must not read as if it were to be multiplied by them.
    const many = workloads.length === 1 ? `${line.count.toLocaleString("en")} × ${workloads[0]}` : `${number(line.count, "edge")}, ${sortsOf(workloads)}`;
    return [line.count > edges.length ? many : sortsOf(workloads), headrooms.length === 1 ? headrooms[0] : ""].filter(Boolean).join(" ");
  }

  const sortsOf = (workloads) => (workloads.length === 1 ? workloads[0] : number(workloads.length, "workload"));
  const titleOf = (box) => (box.hosts.length === 1 ? box.hosts[0] : `${box.hosts.length.toLocaleString("en")} × ${box.hosts[0]} …`);
  const titles = (line) => `${titleOf(line.start.box)} → ${titleOf(line.stop.box)}`;

  function drawBox(box) {
    const height = heightOf(box);
    const sheets = box.hosts.length > 1 ? [8, 4] : [];
    const rectangle = (by) => s("rect", { class: "host", x: box.x + by, y: box.y + by, width: BOX.width, height, rx: 8 });
    const title = titleOf(box);
    box.element = s("g", { class: `box${box.foreign ? " foreign" : ""}`, tabindex: 0, role: "button", "aria-label": `${title}: ${box.nodes.map((node) => node.name).join(", ")}`, ...pressed(() => showBox(box)) },
      s("title", {}, names(box.hosts, 12)), sheets.map(rectangle), rectangle(0),
      s("text", { class: "name", x: box.x + 12, y: box.y + 20 }, clipped(title, 32)),
      box.nodes.map((node, index) => drawNode(box, node, box.y + BOX.head + BOX.node * index)));
    return box.element;
  }

  function drawNode(box, node, y) {
    const room = Math.floor((BOX.width - 42 - 6.2 * Math.min(21, (node.network ?? "").length)) / 7.4);
    const full = node.name === node.role || box.foreign ? node.name : `${node.name} (${node.role})`;
    const short = full.length <= room ? full : node.name;
    return [
      s("rect", { class: `node ${node.role}`, x: box.x + 8, y: y + 1, width: BOX.width - 16, height: BOX.node - 4, rx: 4 }),
      s("text", { class: "node", x: box.x + 16, y: y + 16 }, clipped(short, room)),
      s("text", { class: "net", x: box.x + BOX.width - 14, y: y + 16 }, clipped(node.network ?? "", 21)),
    ];
  }

  // ---- what was chosen ----

  function clear() {
    document.querySelectorAll(".chosen").forEach((element) => element.classList.remove("chosen"));
    find("#drawing").classList.remove("chosen-some");
    find("#detail").replaceChildren();
  }

  function choose(lines, boxes = []) {
    clear();
    for (const one of [...lines, ...boxes]) one.element.classList.add("chosen");
    find("#drawing").classList.toggle("chosen-some", lines.length + boxes.length > 0);
    if (lines.length) find("#detail").append(h("h3", {}, lines.length === 1 ? titles(lines[0]) : number(lines.length, "line")), edgeTable(unique(lines.flatMap((line) => [...line.edges])), 12));
  }

  function showBox(box) {
    choose([], [box]);
    const listed = box.hosts.slice(0, 60);
    const rest = box.hosts.length - listed.length;
    find("#detail").append(
      h("h3", {}, box.hosts.length === 1 ? box.hosts[0] : `${number(box.hosts.length, "host")} that are alike here`),
      h("p", {}, box.nodes.map((node) => `${node.name}${node.version ? ` ${node.version}, ${node.network}, ${node.unit}` : ""}`).join("; ")),
      h("p", { class: "chips" }, listed.map((name) => h("button", { type: "button", onclick: () => search(name) }, `Only ${name}`)), rest ? ` and ${rest.toLocaleString("en")} more` : ""));
  }

  /** Everything again, or everything about one host. */
  function search(text) {
    find("#search").value = text;
    find("#workload").value = "";
    document.querySelectorAll("#verdicts input").forEach((box) => { box.checked = true; });
    read();
  }

  /** From a finding to the edges that carry its code between its hosts, else to its hosts; through the filter if that hides them. */
  function follow(finding) {
    const about = new Set(finding.hosts);
    const holds = ([from, to]) => from.some((name) => about.has(endOf(name, "gateway").host)) || to.some((name) => about.has(endOf(name, "orchestrator").host));
    const concerned = (group, pairs) => group.codes.includes(finding.code) && pairs.some(holds);
    const inBox = (box) => box.hosts.some((host) => about.has(host));
    const hasEdges = plan.groups.some((group) => concerned(group, group.between));
    // Where hosts are stacked, what is not of these hosts is in the way, in the tables too.
    const places = placesOf(finding);
    const filtered = hosts.size > ALONE && places.length <= MOST.apart ? [places.join(", ")] : [];
    for (const wider of [...filtered, null, ""]) {
      if (wider !== null) search(wider);
      const lines = drawn.lines.filter((line) => [...line.edges].some((one) => concerned(one.group, one.between)) && (inBox(line.start.box) || inBox(line.stop.box)));
      const boxes = lines.length || hasEdges ? [] : drawn.boxes.filter(inBox);
      if (lines.length || boxes.length) return lead(lines, boxes);
    }
  }

  function lead(lines, boxes) {
    if (boxes.length === 1) showBox(boxes[0]);
    else choose(lines, boxes);
    find("#picture").scrollIntoView({ block: "start" });
    const { element } = lines[0] ?? boxes[0];
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  function toFinding(code) {
    opened.add("findings");
    drawFindings();
    document.querySelectorAll("#findings .chosen").forEach((element) => element.classList.remove("chosen"));
    const found = [...document.querySelectorAll("#findings li")].filter((element) => element.dataset.code === code);
    found.forEach((element) => element.classList.add("chosen"));
    found[0]?.scrollIntoView({ block: "center" });
    found[0]?.querySelector("button")?.focus({ preventScroll: true });
  }

  // ---- findings ----

  function drawFindings() {
    const says = (finding, term) => [finding.place, finding.message, finding.code, finding.what, ...finding.hosts].some((text) => text.toLowerCase().includes(term));
    const fits = (finding) => !wanted.terms.length || wanted.terms.some((term) => (named.has(term) ? finding.hosts.some((name) => name.toLowerCase() === term || hosts.get(name)?.machine.toLowerCase() === term) : says(finding, term)));
    const fitting = plan.findings.filter(fits);
    const none = plan.findings.length ? "No finding fits the filter." : "Nothing to say: everything fits together.";
    find("#findings ol").replaceChildren(...(fitting.length ? some("findings", fitting, drawFinding, "li") : [h("li", { class: "none" }, none)]));
  }

  function drawFinding(finding) {
    const lines = [
      finding.place || finding.what ? ["-->", [finding.place, finding.what].filter(Boolean).join(": ")] : null,
      finding.limit ? ["against", finding.limit] : null,
      finding.also.length ? ["also", finding.also.join(", ")] : null,
    ].filter(Boolean);
    return h("li", { class: finding.level, "data-code": finding.code },
      h("p", {}, h("strong", {}, `${finding.level}[${finding.code}]`), ` ${finding.message}`),
      h("dl", {}, lines.map(([name, text]) => [h("dt", {}, name), h("dd", {}, whole(text))])),
      finding.hint ? h("pre", {}, finding.hint) : "",
      finding.hosts.length ? h("button", { type: "button", onclick: () => follow(finding) }, "Show it in the picture") : "");
  }

  /** A text as it is; a long one folded, and there in full for who opens it. */
  const whole = (text) => (text.length <= MOST.text ? text : h("details", {}, h("summary", {}, clipped(text, MOST.text)), text));

  /** The first items of a long list, with a way to the others. */
  function some(kind, items, draw, tag, ...wrap) {
    const most = MOST[kind];
    if (items.length <= most || opened.has(kind)) return items.map(draw);
    const more = h("button", { type: "button", onclick: () => { opened.add(kind); render(); } }, `Show all ${items.length.toLocaleString("en")}`);
    const last = wrap.reduceRight((inner, [name, attributes]) => h(name, attributes, inner), more);
    return [...items.slice(0, most).map(draw), h(tag, { class: "more" }, last)];
  }

  // ---- tables ----

  function table(head, rows) {
    return h("table", {}, h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows));
  }

  function edgeTable(edges, most) {
    const listed = most ? edges.slice(0, most) : edges;
    const head = ["Verdict", "Gateway → orchestrator", "Workload", "Price", "Cap", "Headroom", "At most", "Enforced by", "Found by"];
    const rows = most ? listed.map(edgeRow) : some("rows", listed, edgeRow, "tr", ["td", { colspan: head.length }]);
    return h("div", { class: "edges" }, table(head, rows), listed.length < edges.length ? h("p", { class: "none" }, `and ${edges.length - listed.length} more below`) : "");
  }

  function edgeRow(one) {
    const { group } = one;
    const codes = group.codes.map((code) => h("button", { type: "button", class: "code", onclick: () => toFinding(code) }, code));
    const doubts = [group.reachable === false ? "not reachable" : "", group.payable === "refused" ? "cannot be paid" : ""].filter(Boolean);
    const found = [group.discovery, group.if_selected ? "if selected" : "", ...doubts].filter(Boolean).join(", ");
    const cells = [group.workload, group.texts.price, group.texts.cap, group.texts.headroom, group.texts.most, group.enforced_by, found];
    return h("tr", {}, h("td", {}, badge(one.verdict, group.verdict), codes.length ? " " : "", codes),
      h("td", {}, h("button", { type: "button", class: "plain", onclick: () => toEdge(one) }, between(one)), one.count > 1 ? h("small", {}, ` ${number(one.count, "edge")}`) : ""),
      cells.map((text, place) => h("td", { class: place > 0 && place < 5 ? "amount" : "" }, text ?? "")));
  }

  function toEdge(one) {
    choose(drawn.lines.filter((line) => [...line.edges].some((edge) => edge.group === one.group)));
    find("#picture").scrollIntoView({ block: "start" });
  }

  function drawListeners() {
    const machines = new Map();
    for (const listener of plan.listeners) {
      const host = hosts.get(listener.host);
      if (!host || !searched(host)) continue;
      if (!machines.has(host.machine)) machines.set(host.machine, []);
      machines.get(host.machine).push(listener);
    }
    find("#listeners .machines").replaceChildren(...some("machines", [...machines], drawMachine, "p"));
  }

  function drawMachine([machine, list]) {
    const rows = list.sort((one, other) => one.port - other.port).map((listener) => h("tr", {},
      h("td", { class: "code" }, listener.where), h("td", {}, listener.host === machine ? listener.node : `${listener.host} ${listener.node}`), h("td", {}, listener.purpose),
      h("td", { class: `exposure ${listener.exposure}` }, listener.exposure), h("td", {}, listener.default ? "default" : "written")));
    return h("div", {}, h("h3", {}, machine), table(["Address", "Node", "Purpose", "Reached by", "Value"], rows));
  }

  // ---- charts ----

  const CHART = { label: 330, prices: 330, gap: 30, headroom: 230, row: 24, top: 30, from: -20, to: 60 };

  function drawCharts(edges) {
    const priced = new Map();
    for (const one of edges) {
      const { group } = one;
      if (group.price === null || one.verdict === "free") continue;
      const key = `${group.workload}, ${group.currency} per ${group.unit}`;
      if (!priced.has(key)) priced.set(key, []);
      priced.get(key).push(one);
    }
    let room = MOST.charted;
    const charts = [];
    for (const [title, list] of priced) {
      const rows = list.slice(0, Math.min(room, 20));
      room -= rows.length;
      if (rows.length) charts.push(h("figure", {}, h("figcaption", {}, title, rows.length < list.length ? h("small", {}, ` ${rows.length} of ${list.length} price pairs, the gravest first`) : ""), chart(rows)));
    }
    const note = "Bar: price. Line: cap. Right: headroom of the cap over the price, with the verdict of the edge. Shaded: the caps that fit, as far as both limits are known.";
    find("#prices .charts").replaceChildren(...(charts.length ? [h("p", { class: "none" }, note), ...charts] : [h("p", { class: "none" }, "Nothing that has a price fits the filter: off-chain work is free.")]));
  }

  function chart(rows) {
    const most = 1.5 * Math.max(...rows.map(({ group }) => ratio(group.price)));
    const label = Math.min(CHART.label, 24 + 7 * Math.max(...rows.map((one) => briefly(one).length)));
    const width = label + CHART.prices + CHART.gap + CHART.headroom + 90;
    const x = (amount) => label + CHART.prices * Math.min(1, most ? amount / most : 0);
    const left = label + CHART.prices + CHART.gap;
    const p = (percent) => left + CHART.headroom * (Math.min(CHART.to, Math.max(CHART.from, percent)) - CHART.from) / (CHART.to - CHART.from);
    const height = CHART.top + CHART.row * rows.length;
    return h("div", { class: "scroll" }, s("svg", { class: "chart", viewBox: `0 0 ${width} ${height + 6}`, width, role: "img", "aria-label": rows.map(({ group }) => `${group.texts.price} under ${group.texts.cap || "no cap"}`).join("; ") },
      [0, 20, 40].map((percent) => [s("path", { class: "axis", d: `M${p(percent)} ${CHART.top - 6}V${height}` }), s("text", { class: "axis", x: p(percent), y: CHART.top - 12 }, `${percent}`)]),
      s("text", { class: "axis", x: p(CHART.to), y: CHART.top - 12 }, "headroom %"),
      rows.map((one, index) => chartRow(one, CHART.top + CHART.row * index, label, x, p))));
  }

  function chartRow(one, y, label, x, p) {
    const { group, verdict } = one;
    const price = ratio(group.price);
    const cap = group.cap === null ? null : ratio(group.cap);
    const headroom = group.headroom === null ? null : ratio(group.headroom);
    const fits = group.lowest_cap === null || group.highest_cap === null ? null : [ratio(group.lowest_cap), ratio(group.highest_cap)];
    const band = (from, to, top, tall) => s("rect", { class: "band", x: from, y: y + top, width: Math.max(0, to - from), height: tall });
    const beyond = cap !== null && x(cap) >= label + CHART.prices;
    return s("g", { class: `row ${verdict}` }, s("title", {}, `${between(one)}: price ${group.texts.price}, cap ${group.texts.cap || "none"}, headroom ${group.texts.headroom || "unknown"}, ${group.verdict}`),
      s("text", { class: "who", x: label - 12, y: y + 15 }, clipped(briefly(one), 44)),
      fits === null ? "" : [band(x(fits[0]), x(fits[1]), 3, 16), price ? band(p(100 * (fits[0] / price - 1)), p(100 * (fits[1] / price - 1)), 3, 16) : ""],
      s("rect", { class: "bar", x: x(0), y: y + 6, width: Math.max(1, x(price) - x(0)), height: 10 }),
      cap === null ? "" : s("path", { class: "cap", d: beyond ? `M${x(cap) - 6} ${y + 5}l6 6l-6 6` : `M${x(cap)} ${y + 1}v20` }),
      headroom === null ? "" : mark(p(headroom), y + 11, verdict),
      s("text", { class: "value", x: p(CHART.to) + 10, y: y + 15 }, group.texts.headroom || (cap === null ? "no cap" : "")));
  }

  // ---- all of it ----

  function drawEdges(edges) {
    find("#edges .table").replaceChildren(edges.length ? edgeTable(edges) : h("p", { class: "none" }, plan.groups.length ? "No edge fits the filter." : "This fleet has no edges: nobody gives jobs to anybody."));
  }

  function drawGas() {
    const shown = plan.pricing.filter((one) => (!wanted.workload || one.workload === wanted.workload) && one.gateways.some((name) => searched(hosts.get(endOf(name, "gateway").host))));
    find("#gas").hidden = !shown.length;
    const worked = shown.filter((one) => one.rows.length);
    const lacking = shown.filter((one) => !one.rows.length);
    find("#gas .table").replaceChildren(worked.length ? gasTable(worked) : "", ...some("lacking", lacking, (one) => h("p", { class: "none" }, `${brief(one.gateways)}, ${one.workload}: ${one.lacks || "nothing to work out"}.`), "p"));
  }

  const GAS = ["Paid by", "Workload", "Price", "Advertised", "Cap", "Survives gas, gwei", "Deposit needed", "Findings"];

  /** A row for each payer and workload, the weakest first; a click opens what each gas price makes of it. */
  function gasTable(worked) {
    const paid = (one) => names(one.gateways) + (one.signer ? ` by the signer ${one.signer}` : "");
    const cells = (one) => [paid(one), one.workload, `${one.price} ${one.unit}`, one.advertised, one.cap || "none", one.survives, one.deposit, codesOf(one)];
    const used = GAS.map((_head, place) => worked.some((one) => cells(one)[place].length));
    const row = (one) => {
      const more = h("tr", { class: "by-gas", hidden: true }, h("td", { colspan: GAS.length }, gasRows(one)));
      const opens = h("button", { type: "button", class: "plain opens", "aria-expanded": "false", onclick: () => { more.hidden = !more.hidden; opens.setAttribute("aria-expanded", String(!more.hidden)); } }, paid(one));
      return [h("tr", {}, [opens, ...cells(one).slice(1)].map((cell, place) => (used[place] ? h("td", {}, cell) : ""))), more];
    };
    return table(GAS.filter((_head, place) => used[place]), some("figures", worked, row, "tr", ["td", { colspan: GAS.length }]).flat());
  }

  const codesOf = (one) => one.codes.map((code) => h("button", { type: "button", class: "code", onclick: () => toFinding(code) }, code));

  function gasRows(one) {
    const head = ["Gas, gwei", "", `Advertised, ${one.unit}`, "Headroom", "Deposit needed", "Refused"];
    const cells = one.rows.map((row) => [row.gas, row.marks, row.price, row.headroom, row.deposit, row.refused ? badge("refused", row.refused) : ""]);
    const used = head.map((_head, place) => cells.some((row) => row[place] !== ""));
    const rows = cells.map((row) => h("tr", {}, row.map((cell, place) => (used[place] ? h("td", {}, cell) : ""))));
    return [table(head.filter((_head, place) => used[place]), rows), one.advice.length ? h("pre", {}, one.advice.join("\n")) : ""];
  }

  function render() {
    const edges = visible();
    clear();
    drawPicture(edges);
    drawFindings();
    drawEdges(edges);
    drawCharts(edges);
    drawGas();
    drawListeners();
    const all = plan.groups.reduce((sum, group) => sum + group.count, 0);
    const shown = edges.reduce((sum, one) => sum + one.count, 0);
    find("#shown").textContent = shown === all ? number(all, "edge") : `${shown.toLocaleString("en")} of ${number(all, "edge")}`;
  }

  function read() {
    wanted.terms = find("#search").value.toLowerCase().split(",").map((term) => term.trim()).filter(Boolean);
    wanted.workload = find("#workload").value;
    wanted.hidden = new Set([...document.querySelectorAll("#verdicts input")].filter((box) => !box.checked).map((box) => box.value));
    render();
  }

  function prepare() {
    const nodes = plan.hosts.reduce((sum, host) => sum + host.nodes.length, 0);
    find("#conclusion").append(badge(plan.refused ? "refused" : "good", plan.refused ? "refused" : "can be applied"), ` ${number(nodes, "node")} on ${number(plan.hosts.length, "host")}: ${plan.counts}.`);
    find("#digest").textContent = `Plan ${plan.digest}. The same plan for programs: plan.json beside this page.`;
    const workloads = unique(plan.groups.map((group) => group.workload)).sort();
    find("#workload").append(h("option", { value: "" }, "all"), ...workloads.map((text) => h("option", { value: text }, text)));
    for (const verdict of GRAVITY) {
      const count = plan.groups.filter((group) => verdictOf(group) === verdict).reduce((sum, group) => sum + group.count, 0);
      if (count) find("#verdicts").append(h("label", { class: `badge ${verdict}` }, h("input", { type: "checkbox", value: verdict, checked: true }), h("i", { "aria-hidden": "true" }, VERDICTS[verdict]), ` ${words(verdict)} ${count.toLocaleString("en")}`));
    }
    for (const group of plan.groups) for (const [from, to] of group.between) { from.forEach((name) => endOf(name, "gateway")); to.forEach((name) => endOf(name, "orchestrator")); }
    find("#filter").addEventListener("input", read);
    find("#filter").addEventListener("submit", (event) => event.preventDefault());
    find("#filter").addEventListener("reset", (event) => { event.preventDefault(); search(""); });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !["INPUT", "SELECT"].includes(event.target.tagName)) { event.preventDefault(); find("#search").focus(); }
      if (event.key === "Escape") clear();
    });
  }

  prepare();
  render();
})();
