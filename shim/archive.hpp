// Shared by the two formats of torch.save: the walk over an unpickled value, and the storages' bytes.
#pragma once

#include <string>

#include "pickle.hpp"
#include "shim.hpp"

namespace shim
{

/** Calls a visitor for the tensors and scalars below a value, with dotted names. */
class walker
{
  public:
    walker(scope *s, archive_facts *facts, const archive_visitor &visitor)
        : s_(s), facts_(facts), visitor_(visitor)
    {
    }
    int walk(const value &root) { return walk(root, "", 0, 0); }
    scope *owner() const { return s_; }
    archive_facts &facts() { return *facts_; }

  private:
    scope *s_;
    archive_facts *facts_;
    archive_visitor visitor_;
    size_t n_values_ = 0;

    int walk(const value &v, const std::string &name, size_t n_outer, int depth);
    int walk_members(const value &v, const std::string &name, size_t n_outer, int depth);
    int walk_items(const value &v, const std::string &name, int depth);
    int visit_tensor(const value &v, const std::string &name, size_t n_outer) const;
    int visit_scalar(const value &v, const std::string &name) const;
};

/** Reads the format of torch before 1.6: five pickles, then the storages' bytes. Throws `damaged`. */
int read_legacy(const char *path, walker w);

} // namespace shim
