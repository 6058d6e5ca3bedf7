// The filter as part of the address: `#section?name=value`. A file has no query of its own that could be changed.
const address = {
  read() {
    const [, query = ""] = location.hash.split(/\?(.*)/s);
    return new URLSearchParams(query);
  },
  section() {
    return location.hash.slice(1).split("?")[0];
  },
  // Names set to "" leave the address.
  write(section, values) {
    const params = address.read();
    for (const [name, value] of Object.entries(values)) {
      if (value === "" || value === null) params.delete(name);
      else params.set(name, value);
    }
    const query = params.toString();
    history.replaceState(null, "", `#${section}${query === "" ? "" : `?${query}`}`);
  },
};
