analyze {partition}
