"use strict";
// Asks for the messages and changes what has changed, and nothing else: nothing flickers, and what is selected stays so.
{
  const OFTEN = 250, SELDOM = 2000, PATIENCE = 40;
  let shown = "", same = 0;

  const change = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType === Node.TEXT_NODE) return void (old.data = fresh.data);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    after.forEach((node, at) => (at < before.length ? change(before[at], node) : old.append(node)));
    before.slice(after.length).forEach((node) => node.remove());
  };

  const refresh = async () => {
    let html;
    try {
      const answer = await fetch("messages.html", { cache: "no-store" });
      html = await answer.text();
      if (!answer.ok) throw new Error(html);
    } catch {
      // The demo has ended; what it showed stays.
      return;
    }
    same = html === shown ? same + 1 : 0;
    if (same === 0) {
      shown = html;
      const template = document.createElement("template");
      template.innerHTML = html;
      change(document.querySelector("main"), template.content.firstElementChild);
    }
    setTimeout(refresh, same < PATIENCE ? OFTEN : SELDOM);
  };

  refresh();
}
