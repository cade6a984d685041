// The room's first resident moves in with the next commits.
