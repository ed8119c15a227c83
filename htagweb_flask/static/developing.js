/* For pages of an app with `debug` only: errors are shown where they happen. htag 2 brings the like itself. */

/** The page of an error waits for other code than that which has failed. */
function watch(source) {
  const [url, failed] = JSON.parse(source.textContent);
  setInterval(async () => {
    try {
      const answer = await fetch(url);
      if (answer.ok && (await answer.text()) !== failed) location.reload();
    } catch (error) { /* the server starts again, perhaps */ }
  }, 500);
}

const watched = document.getElementById("htag-watch");
if (watched) watch(watched);

const OVERLAY_STYLE = `
  :host { position: fixed; inset: 0; z-index: 2147483646; display: flex; align-items: center; justify-content: center }
  :host(:not([show])) { display: none }
  div { box-sizing: border-box; width: min(56rem, 92vw); max-height: 85vh; display: flex; flex-direction: column;
    font: 14px/1.5 system-ui, sans-serif; color: #7f1d1d; background: #fef2f2; border: 1px solid #ef4444;
    border-left-width: 5px; border-radius: 6px; padding: 1rem; box-shadow: 0 10px 30px #0005 }
  header { display: flex; gap: .5rem; align-items: baseline }
  h3 { flex: 1; margin: 0; font-size: 1rem }
  button { font: inherit; color: inherit; background: none; border: 1px solid; border-radius: 4px; cursor: pointer }
  pre { overflow: auto; margin: .75rem 0 0; font: 12px/1.5 monospace; white-space: pre-wrap; overflow-wrap: anywhere }`;

/** What has gone wrong, over the page, until it is closed. */
class Overlay {
  constructor() {
    this.host = document.createElement("htag-error");
    const root = (this.root = this.host.attachShadow({ mode: "open" }));
    const sheet = new CSSStyleSheet(); // no style element, which a content security policy may forbid
    sheet.replaceSync(OVERLAY_STYLE);
    root.adoptedStyleSheets = [sheet];
    root.innerHTML = `<div role="alertdialog" aria-labelledby="title"><header><h3 id="title"></h3>
      <button class="copy">Copy</button><button class="close">Close</button></header><pre id="trace"></pre></div>`;
    root.querySelector(".close").onclick = () => this.close();
    root.querySelector(".copy").onclick = () => this.copy();
    addEventListener("keydown", ({ key }) => key === "Escape" && this.close());
  }

  show(title, trace) {
    this.root.getElementById("title").textContent = title;
    this.root.getElementById("trace").textContent = trace;
    this.host.setAttribute("show", "");
    document.documentElement.append(this.host); // not in the body, which is replaced
  }

  close() { this.host.removeAttribute("show"); }

  copy() {
    const trace = this.root.getElementById("trace");
    const select = () => getSelection().selectAllChildren(trace); // no clipboard on plain http: it can be copied by hand
    if (navigator.clipboard) navigator.clipboard.writeText(trace.textContent).catch(select);
    else select();
  }
}
