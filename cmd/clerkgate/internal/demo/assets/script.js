(() => {
  const byID = id => document.getElementById(id);

  // The token's life. It is spoken when it changes, not every second.
  const life = byID("life");
  if (life) {
    const words = {
      good: "seconds until the token expires",
      late: "expired, accepted a little longer for clocks that differ",
      over: "expired: reload, and see what happens",
    };
    const end = Date.now() + Number(life.dataset.left), skew = Number(life.dataset.skew); // milliseconds
    const tick = setInterval(() => {
      const left = end - Date.now();
      byID("left").textContent = Math.max(0, Math.ceil(left / 1000));
      const now = left > 0 ? "good" : left > -skew ? "late" : "over";
      if (now !== life.dataset.life) {
        life.dataset.life = now;
        byID("standing").textContent = words[now];
        byID("spoken").textContent = "The token has " + words[now];
      }
      if (now === "over") clearInterval(tick);
    }, 250);
  }

  // Further requests, while somebody looks: a browser has few connections to an origin.
  const list = byID("events"), picture = byID("picture"), shown = 10;
  let source, after = list.dataset.after;
  const show = message => {
    const update = JSON.parse(message.data);
    after = message.lastEventId;
    list.insertAdjacentHTML("afterbegin", update.item);
    while (list.children.length > shown) list.lastElementChild.remove();
    picture.dataset.lit = update.lit;
    byID("way").textContent = update.way;
    byID("what").textContent = update.what;
    if (update.renewed) byID("note")?.remove();
  };
  const listen = () => {
    source?.close();
    if (document.visibilityState === "hidden") return;
    source = new EventSource("/events?after=" + after);
    source.onmessage = show;
  };
  document.addEventListener("visibilitychange", listen);
  listen();
})();
