/* What HTML cannot do by itself: focus and announcements after a swap, one submit per form. Pages work without it. */
(() => {
  "use strict";
  const say = (id, text) => {
    const region = document.getElementById(id);
    if (region) region.textContent = text;
  };

  // The server marks it: data-focus takes the focus, data-say is read out.
  const settle = (root) => {
    const spoken = root.matches?.("[data-say]") ? root : root.querySelector?.("[data-say]");
    if (spoken) say("live", spoken.dataset.say);
    const target = root.matches?.("[data-focus]") ? root : root.querySelector?.("[data-focus]");
    if (target) {
      if (!target.matches("a, button, input, select, textarea")) target.tabIndex = -1;
      target.focus();
    }
  };

  const swapped = (event) => settle(event.detail?.elt || event.target);
  const allowAgain = () => {
    for (const button of document.querySelectorAll("[data-once][aria-disabled]")) {
      button.removeAttribute("aria-disabled");
      button.textContent = button.dataset.label;
    }
  };
  // What a person asked for is marked where it will stand, until it comes. What a page asks for by itself is not.
  const asked = (event) => {
    const { detail } = event;
    const target = detail.target || detail.ctx?.target;
    const source = detail.elt || detail.ctx?.sourceElement;
    // What was confirmed is on its way: the figures beside the button stay as they were.
    if (source?.matches("[data-when-idle]") && document.querySelector("[data-once][aria-disabled]")) event.preventDefault();
    if (!target || source?.matches("[hx-trigger^=load], [hx-trigger^=every]")) return;
    say("alert", "");
    target.setAttribute("aria-busy", "true");
    target.dataset.busy = document.getElementById("live")?.dataset.coming || "";
  };
  const answered = ({ detail }) => {
    const target = detail.requestConfig?.target || detail.target || detail.ctx?.target;
    target?.removeAttribute("aria-busy");
    target?.removeAttribute("data-busy");
  };
  for (const name of ["htmx:beforeRequest", "htmx:before:request"]) document.addEventListener(name, asked);
  for (const name of ["htmx:afterRequest", "htmx:after:request"]) document.addEventListener(name, answered);

  const failed = () => {
    allowAgain();
    say("alert", document.getElementById("alert")?.dataset.failed);
  };
  // A refusal says where it is to stand; htmx 4 swaps it by itself. What asks by itself again and again is told once.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!detail.isError || !detail.xhr.getResponseHeader("HX-Retarget")) return;
    const source = detail.requestConfig.elt;
    detail.isError = false;
    detail.shouldSwap = !source.dataset.refused;
    if (source.matches("[hx-trigger^=every]")) source.dataset.refused = "true";
  });
  document.addEventListener("htmx:afterSwap", swapped);
  document.addEventListener("htmx:after:swap", swapped);
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:response:error", "htmx:error"])
    document.addEventListener(name, failed);

  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("[data-once]");
    if (!button) return;
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    button.setAttribute("aria-disabled", "true");
    button.dataset.label = button.textContent;
    if (button.dataset.once) {
      button.textContent = button.dataset.once;
      say("live", button.dataset.once);
    }
  }, true);

  window.addEventListener("pageshow", (event) => event.persisted && allowAgain());
  settle(document);
})();
