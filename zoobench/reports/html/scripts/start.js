// The order in which the page comes to life.
address.start(() => {
  restoreFilter();
  restoreCaseFilter();
  restorePane();
});
startCharts();
startWhichModel();
startEveryCase();
startTables();
startPrinting();
startPane();
if (address.section() !== "") address.scroll();
document.documentElement.dataset.ready = "true";
