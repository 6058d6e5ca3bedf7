// The filter as part of the address: `#section?name=value`. A file has no query of its own that could be changed.
const address = {
  query: "",
  read() {
    return new URLSearchParams(address.query);
  },
  section() {
    return location.hash.slice(1).split("?")[0];
  },
  // Names set to "" leave the address; without a section it names the one that it named.
  write(values, section = address.section()) {
    const params = address.read();
    for (const [name, value] of Object.entries(values)) {
      if (value === "" || value === null) params.delete(name);
      else params.set(name, value);
    }
    address.query = params.toString();
    history.replaceState(null, "", `#${section}${address.query === "" ? "" : `?${address.query}`}`);
  },
  // A link to a section keeps the filter; an address with one of its own brings it, and `follow` reads it.
  start(follow) {
    address.query = queryOf(location.hash);
    addEventListener("hashchange", () => {
      if (location.hash.includes("?")) {
        address.query = queryOf(location.hash);
        follow();
      } else {
        address.write({});
      }
      address.scroll();
    });
  },
  scroll() {
    document.getElementById(address.section())?.scrollIntoView({ behavior: "instant" });
  },
};

function queryOf(hash) {
  const [, query = ""] = hash.split(/\?(.*)/s);
  return query;
}
