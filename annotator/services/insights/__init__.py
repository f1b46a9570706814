"""The Insights page: learning curves, throughput, label savings, and the studies behind them."""
