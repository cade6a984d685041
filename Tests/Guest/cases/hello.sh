# layouts: v2 v1 hybrid rootless
# A container runs and its output arrives.
config 'echo hello'
same hello "$(run)" output
