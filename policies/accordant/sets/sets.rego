# METADATA
# title: Sets
# description: Both answer true or false, and nothing at all when what they are given is no set.
package accordant.sets

# METADATA
# description: every member of `members` is in the list `named`
inside(members, named) := object.subset(named, members)

# METADATA
# description: some member of `members` is in the set `named`
meet(members, named) := count(members & named) > 0
