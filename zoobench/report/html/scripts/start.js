// The order in which the page comes to life.
address.start(() => {
  restoreFilter();
  restoreCaseFilter();
  restorePane();
});
startPrinting(); // before charts, of which some are drawn only when the page is printed
startCharts();
startWhichModel();
startEveryCase();
startTables();
startPane();
if (address.section() !== "") address.scroll();
document.documentElement.dataset.ready = "true";
