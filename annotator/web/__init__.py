"""HTTP only: parse, call a service, render.

`http` holds what all routes share; the other packages follow the navigation of the pages.
"""
