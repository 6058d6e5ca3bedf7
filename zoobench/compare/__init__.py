"""Two sides of one comparison: what was seen of them, and what may be said about it. No torch, no pandas.

`evidence` is what an experiment measures and stores, `result` what is decided from it. The experiment itself is
`zoobench.experiment`, on the measuring side; tables, pages and charts of a result are the reading side's.
"""
