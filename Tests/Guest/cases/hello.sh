# A container runs and its output arrives.
config 'echo hello'
same hello "$(run)" output
