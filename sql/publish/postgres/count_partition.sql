select count(*) from {partition}
