// Finds the named tensors in an unpickled value.
#include "archive.hpp"

#include <cstdio>
#include <cstring>

namespace shim
{

namespace
{

constexpr int max_depth = 64;        // of nested modules; CLIP's are 6 deep
constexpr size_t max_values = 65536; // limits objects that are reached again and again
constexpr size_t max_name = 1024;
constexpr size_t max_items = 16; // of a list that may hold state dicts; longer ones hold numbers

bool has_member(const value &v, const char *name)
{
    for (const auto &[key, member] : v.members)
        if (key->kind == value::kind::text && key->text == name)
            return true;
    return false;
}

/** torch.nn.Module's own attributes. */
bool is_module(const value &v)
{
    return v.kind == value::kind::object && has_member(v, "_parameters") && has_member(v, "_modules");
}

std::string join(const std::string &prefix, const std::string &name)
{
    return prefix.empty() ? name : prefix + "." + name;
}

/** "open_clip.model CLIP" -> "open_clip.model.CLIP" */
void copy_class(char (&out)[ARCHIVE_CLASS_SIZE], const std::string &global)
{
    std::snprintf(out, sizeof out, "%s", global.c_str());
    if (char *space = std::strchr(out, ' '))
        *space = '.';
}

} // namespace

int walker::walk(const value &v, const std::string &name, size_t n_outer, int depth)
{
    if (depth > max_depth || ++n_values_ > max_values || name.size() > max_name)
        return error_set(ERR_FORMAT, "'%.200s' is nested too deep", name.c_str());
    if (v.kind == value::kind::tensor)
        return visit_tensor(v, name, n_outer);
    if (v.kind == value::kind::integer || v.kind == value::kind::real || v.kind == value::kind::text)
        return visitor_.scalar ? visit_scalar(v, name) : static_cast<int>(OK);
    if (v.kind == value::kind::sequence)
        return facts_->is_script ? static_cast<int>(OK) : walk_items(v, name, depth);
    if (!facts_->is_script && is_module(v)) {
        copy_class(facts_->module_class, v.text.empty() ? "torch.nn.Module" : v.text);
        return OK;
    }
    const size_t n_around = facts_->is_script || name.empty() ? 0 : name.size() + 1;
    return walk_members(v, name, n_around, depth);
}

int walker::walk_members(const value &v, const std::string &name, size_t n_outer, int depth)
{
    int status = OK;
    for (const auto &[key, member] : v.members) {
        if (status != OK)
            break;
        if (key->kind == value::kind::text)
            status = walk(*member, join(name, key->text), n_outer, depth + 1);
        else if (key->kind == value::kind::integer)
            status = walk(*member, join(name, std::to_string(key->integer)), n_outer, depth + 1);
    }
    return status;
}

int walker::walk_items(const value &v, const std::string &name, int depth)
{
    int status = OK;
    if (v.items.size() > max_items)
        return status;
    for (size_t i = 0; i < v.items.size() && status == OK; i++)
        if (v.items[i]->kind != value::kind::other && v.items[i]->kind != value::kind::integer &&
            v.items[i]->kind != value::kind::real)
            status = walk(*v.items[i], join(name, std::to_string(i)), name.empty() ? 0 : name.size() + 1,
                          depth + 1);
    return status;
}

int walker::visit_tensor(const value &v, const std::string &name, size_t n_outer) const
{
    const bool is_made = v.tensor.defined();
    const archive_item item = {name.c_str(), n_outer, is_made ? put(s_, v.tensor) : nullptr,
                               is_made ? nullptr : v.text.c_str()};
    return visitor_.tensor(visitor_.context, &item);
}

int walker::visit_scalar(const value &v, const std::string &name) const
{
    char number[32];
    std::snprintf(number, sizeof number, "%.17g", v.real);
    const std::string text = v.kind == value::kind::text      ? v.text
                             : v.kind == value::kind::integer ? std::to_string(v.integer)
                                                              : number;
    return visitor_.scalar(visitor_.context, name.c_str(), text.c_str());
}

} // namespace shim
