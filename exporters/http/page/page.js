/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the status page live. The server renders; this fetches the page anew when an event comes (and every few seconds
 * in case something changed that is no event) and changes what differs, so that focus, selection and scrolling stay.
 * Also: local times, light or dark, and the confirmation before an action.
 */
"use strict";

(() => {
  const REFRESH_MS = 3000, SILENT_MS = 12000, HIDDEN_MS = 15000;
  const root = document.documentElement, live = document.getElementById("live"), say = document.getElementById("say");
  const page = document.getElementById("verdict") !== null;
  let etag = null, fetching = false, again = false, good = Date.now(), told = headline();

  root.classList.add("js");

  function headline() {
    const level = document.getElementById("level"), text = document.getElementById("headline");
    return level ? `${level.textContent}: ${text.textContent}` : "";
  }

  /* ---- times ---- */

  function ago(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return `${s} s ago`;
    if (s < 7200) return `${Math.floor(s / 60)} min ago`;
    if (s < 172800) return `${Math.floor(s / 3600)} h ago`;
    return `${Math.floor(s / 86400)} days ago`;
  }

  function two(number) {
    return String(number).padStart(2, "0");
  }

  function showTimes() {
    const now = Date.now(), today = new Date(now).toDateString();
    for (const time of document.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
      const day = at.toDateString() === today ? "" : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} `;
      const text = `${day}${clock} (${ago(now - at)})`;
      if (time.textContent !== text) time.textContent = text;
      if (!time.title) time.title = time.dateTime;
    }
    const taken = document.getElementById("taken");
    if (taken) taken.textContent = ago(now - good);
  }

  /* ---- changing what differs ---- */

  function keyOf(node) {
    return node.nodeType === 1 ? node.id || (node.localName === "button" && node.dataset.path) || "" : "";
  }

  function sameKind(a, b) {
    return a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
  }

  function mark(node) {
    const place = (node.nodeType === 1 ? node : node.parentElement)?.closest("td, .card, li, .takeover, #headline");
    if (!place) return;
    place.classList.remove("changed");
    void place.offsetWidth; /* so that the animation begins anew */
    place.classList.add("changed");
  }

  function update(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== fresh.nodeValue) {
        old.nodeValue = fresh.nodeValue;
        mark(old);
      }
      return;
    }
    if (old.localName === "time") {
      if (old.dateTime !== fresh.dateTime) {
        old.dateTime = fresh.dateTime;
        old.title = fresh.dateTime;
        mark(old);
      }
      return;
    }
    for (const { name } of [...old.attributes])
      if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    updateChildren(old, fresh);
  }

  function updateChildren(old, fresh) {
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const key = keyOf(wanted);
      let found = at && sameKind(at, wanted) ? at : null;
      if (!found && key) {
        for (let n = at; n; n = n.nextSibling) if (sameKind(n, wanted)) { found = n; break; }
      }
      if (found) {
        if (found !== at) old.insertBefore(found, at);
        update(found, wanted);
        at = found.nextSibling;
      } else {
        const added = document.importNode(wanted, true);
        old.insertBefore(added, at);
        mark(added);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  function show(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html"), main = fresh.getElementById("main");
    if (!main) return;
    update(document.getElementById("main"), main);
    document.title = fresh.title;
    const icon = fresh.getElementById("icon").getAttribute("href"), mine = document.getElementById("icon");
    if (mine.getAttribute("href") !== icon) mine.setAttribute("href", icon);
    const footer = document.querySelector("footer > p"), other = fresh.querySelector("footer > p");
    if (footer && other) update(footer, other);
    showTimes();
    const now = headline();
    if (now !== told) say.textContent = now;
    told = now;
  }

  async function refresh() {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    do {
      again = false;
      try {
        const answer = await fetch(location.pathname, { cache: "no-cache", signal: AbortSignal.timeout(8000) });
        if (answer.ok) {
          const text = await answer.text(), tag = answer.headers.get("ETag");
          if (tag === null || tag !== etag) show(text);
          etag = tag;
          good = Date.now();
        }
      } catch {
        /* told by the sign at the top */
      }
    } while (again);
    fetching = false;
    state();
  }

  /* ---- live or not ---- */

  let open = false, events = null;

  function state() {
    if (document.hidden) return;
    const silent = Date.now() - good > SILENT_MS;
    const text = silent ? `No answer for ${Math.round((Date.now() - good) / 1000)} s` : open ? "Live" : "Connecting";
    live.hidden = false;
    live.className = `live ${silent ? "off" : open ? "on" : ""}`;
    if (live.textContent !== text) live.textContent = text;
  }

  function listen() {
    if (events || document.hidden) return;
    const mine = events = new EventSource("/api/v1/events");
    mine.addEventListener("hello", () => {
      open = true;
      refresh();
    });
    mine.onmessage = () => refresh();
    mine.onerror = () => {
      open = false;
      state();
      if (mine.readyState !== EventSource.CLOSED || mine !== events) return;
      events = null;
      setTimeout(listen, REFRESH_MS);
    };
  }

  if (page) {
    listen();
    setInterval(() => {
      if (!document.hidden || Date.now() - good > HIDDEN_MS) refresh();
      state();
    }, REFRESH_MS);
    /* A browser has few connections to one server: tabs that nobody looks at keep none for themselves. */
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        events?.close();
        events = null;
        open = false;
      } else {
        listen();
        refresh();
      }
    });
  }
  showTimes();
  setInterval(showTimes, 1000);

  /* ---- light or dark ---- */

  const theme = document.getElementById("theme");
  let stored = null;
  try { stored = localStorage.getItem("theme"); } catch { /* not allowed: follow the system */ }
  if (stored) root.dataset.theme = stored;
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* for this page only */ }
  });

  /* ---- actions ---- */

  const dialog = document.getElementById("confirm");
  if (!dialog) return;
  const part = (name) => document.getElementById(`confirm-${name}`);
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  let asked = null;

  function answered(text, kind) {
    part("answer").textContent = text;
    part("answer").className = `answer ${kind}`;
  }

  document.getElementById("main").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-path]");
    if (!button) return;
    asked = { path: button.dataset.path, body: button.dataset.body || "", opener: button };
    part("title").textContent = button.dataset.title;
    part("say").textContent = button.dataset.say;
    part("yes").textContent = button.textContent;
    part("yes").hidden = false;
    part("no").textContent = "Cancel";
    part("force").hidden = !button.dataset.force;
    part("force-say").textContent = button.dataset.force || "";
    part("force-box").checked = false;
    part("insecure").hidden = local || location.protocol === "https:";
    answered("", "");
    dialog.showModal();
    part("token").focus();
  });

  part("no").addEventListener("click", () => dialog.close());
  // The page may have been drawn anew meanwhile: then its twin gets the focus back.
  dialog.addEventListener("close", () => {
    const twin = () => document.querySelector(`button[data-path="${CSS.escape(asked.path)}"]`);
    if (asked) (asked.opener.isConnected ? asked.opener : twin())?.focus();
  });

  part("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!part("token").value) {
      answered("The token is needed.", "bad");
      part("token").focus();
      return;
    }
    const path = asked.path + (part("force-box").checked ? "?force=true" : "");
    part("yes").disabled = true;
    answered("Asking the cluster…", "");
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { Authorization: `Bearer ${part("token").value}` },
        body: asked.body || undefined,
        signal: AbortSignal.timeout(10000),
      });
      const json = await answer.json().catch(() => ({}));
      if (answer.ok) {
        answered(answer.status === 202 ? "Taken on by the other member." : "Done.", "good");
        part("yes").hidden = true;
        part("no").textContent = "Close";
        part("no").focus();
      } else {
        answered(json.error || `Refused (${answer.status}).`, "bad");
        if (answer.status === 401) part("token").select();
      }
    } catch {
      answered("No answer: look at the state before trying again.", "bad");
    }
    part("yes").disabled = false;
    refresh();
  });
})();
