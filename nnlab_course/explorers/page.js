// On the site an explorer takes the place of its still picture, and keeps its state in the address.

function mountAll() {
  const places = [...document.querySelectorAll(".nnlab-explorer")];
  const address = new URLSearchParams(location.search);
  let timer = 0;

  // Browsers allow some hundred changes of the address a minute: it waits for a pause.
  function write(changed, place) {
    for (const [name, value] of changed) {
      if (value === null) address.delete(name);
      else address.set(name, value);
    }
    clearTimeout(timer);
    const cell = place.closest("[id^='cell-']"); // to which the address leads from now on
    const hash = cell ? `#${cell.id}` : location.hash;
    timer = setTimeout(() => history.replaceState(null, "", `?${address}${hash}`), 250);
  }

  // A second explorer with an entry of the same name calls it 2.name.
  function free(entry) {
    let key = entry;
    for (let number = 2; taken.includes(key); number++) key = `${number}.${entry}`;
    return key;
  }

  const taken = []; // Names in the address

  for (const place of places) {
    const { name, state, data } = JSON.parse(place.querySelector("script").textContent);
    const keys = Object.fromEntries(Object.keys(state).map((entry) => [entry, free(entry)]));
    taken.push(...Object.values(keys));
    const key = (entry) => keys[entry] ?? entry;
    const asked = Object.keys(state).filter((entry) => address.has(key(entry)));
    const begin = { ...state };
    for (const entry of asked) begin[entry] = address.get(key(entry));
    place.explorer = explorers[name](place, {
      data,
      state: begin,
      keep(next) {
        write(Object.entries(next).map(([entry, value]) => [key(entry), value]), place);
      },
    });
    place.classList.add("nnlab-mounted");
  }
}

mountAll();
