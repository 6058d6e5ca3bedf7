// The order in which the page comes to life; an address that names a section and a filter is followed at the end.
startCharts();
startWhichModel();
startEveryCase();
startTables();
startPane();

function keepFilterInAddress() {
  const section = address.section();
  if (location.hash.includes("?")) document.getElementById(section)?.scrollIntoView();
}
addEventListener("hashchange", keepFilterInAddress);
keepFilterInAddress();
document.documentElement.dataset.ready = "true";
