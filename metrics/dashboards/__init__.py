"""The Grafana dashboards as code: `python -m metrics.dashboards` writes their JSON (pure).

One module per dashboard, the shared frame in `frame`, panels in `panels`, PromQL in `queries`. Needs the
development requirements (grafana-foundation-sdk); nothing of the service imports it.
"""
