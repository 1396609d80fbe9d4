// On the site an explorer takes the place of its still picture, and keeps its state in the address.

function mountAll() {
  const places = [...document.querySelectorAll(".nnlab-explorer")];
  const address = new URLSearchParams(location.search);
  let timer = 0;

  // Browsers allow some hundred changes of the address a minute: it waits for a pause.
  function write(changed) {
    for (const [name, value] of changed) {
      if (value === null) address.delete(name);
      else address.set(name, value);
    }
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", `?${address}${location.hash}`), 250);
  }

  places.forEach((place, number) => {
    const { name, state, data } = JSON.parse(place.querySelector("script").textContent);
    const key = (entry) => (number ? `${number + 1}.${entry}` : entry);
    const asked = Object.keys(state).filter((entry) => address.has(key(entry)));
    const begin = { ...state };
    for (const entry of asked) begin[entry] = address.get(key(entry));
    place.explorer = explorers[name](place, {
      data,
      state: begin,
      keep(next) {
        write(Object.entries(next).map(([entry, value]) => [key(entry), value]));
      },
    });
    place.classList.add("nnlab-mounted");
  });
}

mountAll();
