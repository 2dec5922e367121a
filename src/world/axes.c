#include "axes.h"

const struct word axis_words[N_AXES][MAX_WORDS] = {
    [AXIS_COLOUR] = {{"red", "crimson"},
                     {"green", "emerald"},
                     {"blue", "azure"},
                     {"yellow", "golden"},
                     {"purple", "violet"},
                     {"orange", "amber"},
                     {"pink", "rosy"},
                     {"cyan", "teal"},
                     {"brown", "chestnut"},
                     {"white", "pale"}},
    [AXIS_PATTERN] = {{"striped", "lined"},
                      {"dotted", "pearled"},
                      {"checkered", "chequered"},
                      {"ringed", "circular"},
                      {"zigzagged", "jagged"},
                      {"gridded", "netted"},
                      {"speckled", "sprinkled"},
                      {"wavy", "rippled"},
                      {"blotchy", "stained"},
                      {"woven", "knitted"}},
    [AXIS_EMBLEM] = {{"star", "asterisk"},
                     {"heart", "love"},
                     {"moon", "crescent"},
                     {"cross", "plus"},
                     {"arrow", "pointer"},
                     {"ring", "circle"},
                     {"key", "latchkey"},
                     {"leaf", "blade"},
                     {"bolt", "lightning"},
                     {"crown", "tiara"}},
    [AXIS_HOLDER] = {{"shield", "crest"},
                     {"kite", "diamond"},
                     {"flag", "banner"},
                     {"cup", "mug"},
                     {"bag", "purse"},
                     {"book", "notebook"},
                     {"jar", "bottle"},
                     {"drum", "barrel"},
                     {"lamp", "lantern"},
                     {"hat", "cap"}},
    [AXIS_COAT] = {{"smooth", "plain"},
                   {"tabby", "stripy"},
                   {"spotted", "spotty"},
                   {"patched", "patchy"},
                   {"masked", "hooded"},
                   {"socked", "booted"}},
    [AXIS_ANIMAL] = {{"cat", "kitten"},
                     {"dog", "hound"},
                     {"rabbit", "bunny"},
                     {"bird", "finch"},
                     {"fish", "trout"},
                     {"snail", "slug"},
                     {"turtle", "tortoise"},
                     {"elephant", "mammoth"}},
    [AXIS_VEHICLE] = {{"sedan", "saloon"},
                      {"van", "minivan"},
                      {"truck", "lorry"},
                      {"bus", "coach"},
                      {"jeep", "rover"},
                      {"tractor", "digger"},
                      {"tram", "streetcar"},
                      {"roadster", "racer"}},
    [AXIS_FLOWER] = {{"daisy", "marguerite"},
                     {"tulip", "bud"},
                     {"rose", "peony"},
                     {"poppy", "anemone"},
                     {"aster", "dahlia"},
                     {"lily", "iris"},
                     {"clover", "trefoil"},
                     {"lavender", "lupin"}},
    [AXIS_FLAVOUR] = {{"cherry", "strawberry"},
                      {"mint", "lime"},
                      {"lemon", "banana"},
                      {"cocoa", "chocolate"},
                      {"cream", "vanilla"},
                      {"plum", "grape"},
                      {"peach", "mango"},
                      {"blueberry", "bilberry"}},
    [AXIS_FOOD] = {{"pizza", "flatbread"},
                   {"donut", "bagel"},
                   {"cake", "gateau"},
                   {"pie", "slice"},
                   {"cookie", "biscuit"},
                   {"roll", "swirl"},
                   {"burger", "sandwich"},
                   {"cone", "gelato"}},
    [AXIS_PLANE] = {{"jet", "airliner"},
                    {"glider", "sailplane"},
                    {"biplane", "doubledecker"},
                    {"shuttle", "delta"},
                    {"helicopter", "chopper"},
                    {"rocket", "missile"},
                    {"blimp", "airship"},
                    {"drone", "quadcopter"}},
    [AXIS_SERIES] = {{"1", "one"}, {"2", "two"}, {"3", "three"}, {"4", "four"}, {"5", "five"}, {"6", "six"}},
    [AXIS_WEATHER] = {{"sunny", "bright"},
                      {"cloudy", "overcast"},
                      {"rainy", "wet"},
                      {"snowy", "wintry"},
                      {"foggy", "misty"},
                      {"stormy", "thundery"},
                      {"dusky", "sunset"},
                      {"starry", "midnight"}},
    [AXIS_LANDSCAPE] = {{"beach", "shore"},
                        {"forest", "woodland"},
                        {"mountain", "peak"},
                        {"city", "downtown"},
                        {"field", "farmland"},
                        {"desert", "dunes"},
                        {"harbor", "marina"},
                        {"village", "hamlet"}},
    [AXIS_LAND] = {{"forest", "jungle"},
                   {"pasture", "meadow"},
                   {"desert", "sahara"},
                   {"snow", "glacier"},
                   {"crop land", "plough land"},
                   {"marsh", "swamp"},
                   {"rock", "gravel"},
                   {"orchard", "plantation"}},
    [AXIS_FEATURE] = {{"river", "stream"},
                      {"highway", "road"},
                      {"lake", "pond"},
                      {"residential buildings", "houses"},
                      {"industrial buildings", "warehouses"},
                      {"railway", "tracks"}},
    [AXIS_ACTION] = {{"waving", "greeting"},
                     {"jumping", "leaping"},
                     {"kicking", "striking"},
                     {"running", "sprinting"},
                     {"sitting", "resting"},
                     {"kneeling", "crouching"},
                     {"lifting", "raising"},
                     {"lunging", "fencing"}},
    [AXIS_PROP] = {{"ball", "sphere"},
                   {"hoop", "wheel"},
                   {"box", "crate"},
                   {"stick", "pole"},
                   {"balloon", "bubble"},
                   {"ladder", "steps"}},
    [AXIS_SETTING] = {{"grass", "lawn"},
                      {"sand", "gravel"},
                      {"brick", "wall"},
                      {"wood", "plank"},
                      {"water", "sea"},
                      {"ice", "frost"},
                      {"sky", "air"},
                      {"night", "space"},
                      {"stone", "pavement"},
                      {"carpet", "rug"}},
};

size_t axis_size(enum axis axis)
{
    size_t n = 0;
    while (n < MAX_WORDS && axis_words[axis][n].name)
        n++;
    return n;
}

/* ---------------------------------------------------------------- held-out pairs */

/* Two axes whose pairs name classes, and how many diagonals of their table each world uses. */
struct family {
    enum axis first, second;
    int n_test, n_dev;
};

static const struct family families[] = {
    {AXIS_EMBLEM, AXIS_HOLDER, 3, 2}, {AXIS_PATTERN, AXIS_EMBLEM, 2, 2},
    {AXIS_COLOUR, AXIS_EMBLEM, 2, 2}, {AXIS_COLOUR, AXIS_PATTERN, 2, 2},
    {AXIS_COAT, AXIS_ANIMAL, 2, 2},   {AXIS_COLOUR, AXIS_VEHICLE, 2, 2},
    {AXIS_COLOUR, AXIS_FLOWER, 2, 2}, {AXIS_FLAVOUR, AXIS_FOOD, 2, 2},
    {AXIS_PLANE, AXIS_SERIES, 2, 2},  {AXIS_WEATHER, AXIS_LANDSCAPE, 2, 2},
    {AXIS_LAND, AXIS_FEATURE, 2, 2},  {AXIS_ACTION, AXIS_PROP, 2, 2},
};

enum { N_FAMILIES = sizeof families / sizeof families[0] };

/* A diagonal holds each word of the longer axis at most once, so the pairs spread evenly. */
static enum pair_use family_use(const struct family *f, int a, int b)
{
    int n_first = (int)axis_size(f->first);
    int n_second = (int)axis_size(f->second);
    int diagonal = (a + b) % (n_first > n_second ? n_first : n_second);
    if (diagonal < f->n_test)
        return PAIR_TEST;
    if (diagonal < f->n_test + f->n_dev)
        return PAIR_DEV;
    return diagonal < 2 * f->n_test + f->n_dev ? PAIR_CONTROL : PAIR_SEEN;
}

enum pair_use pair_use(enum axis first, int a, enum axis second, int b)
{
    for (int i = 0; i < N_FAMILIES; i++) {
        if (families[i].first == first && families[i].second == second)
            return family_use(&families[i], a, b);
        if (families[i].first == second && families[i].second == first)
            return family_use(&families[i], b, a);
    }
    return PAIR_SEEN;
}

bool traits_are_held_out(const struct traits *t)
{
    for (int i = 0; i < N_FAMILIES; i++) {
        int a = t->value[families[i].first];
        int b = t->value[families[i].second];
        const enum pair_use use = a >= 0 && b >= 0 ? family_use(&families[i], a, b) : PAIR_SEEN;
        if (use == PAIR_TEST || use == PAIR_DEV)
            return true;
    }
    return false;
}
