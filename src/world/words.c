/* The vocabulary; unit.world compares it with the words of the axes and of a long stretch of captions. */
#include "prompt/world/world.h"

/* clang-format off */
static const char *const words[] = {
    ",", "-", ".", "1", "2", "3", "4", "5", "6", "a", "air", "aircraft", "airliner", "airship", "amber",
    "an", "anemone", "arrow", "aster", "asterisk", "azure", "bag", "bagel", "ball", "balloon", "banana",
    "banner", "barrel", "beach", "bilberry", "biplane", "bird", "biscuit", "blade", "blimp", "blotchy",
    "blue", "blueberry", "blurry", "bolt", "book", "booted", "bottle", "box", "brick", "bright", "brown",
    "bubble", "bud", "buildings", "bunny", "burger", "bus", "cake", "cap", "carpet", "cartoon", "cat",
    "centered", "checkered", "chequered", "cherry", "chestnut", "chocolate", "chopper", "circle",
    "circular", "city", "cloudy", "clover", "coach", "cocoa", "cone", "cookie", "crate", "cream",
    "crescent", "crest", "crimson", "crop", "cross", "crouching", "crown", "cup", "cyan", "dahlia", "daisy",
    "dark", "delta", "desert", "diamond", "digger", "dog", "doing", "donut", "dotted", "doubledecker",
    "downtown", "drone", "drum", "dunes", "dusky", "elephant", "emerald", "faded", "farmland", "fencing",
    "field", "finch", "fish", "five", "flag", "flatbread", "flower", "foggy", "food", "forest", "four",
    "front", "frost", "gateau", "gelato", "glacier", "glider", "golden", "grainy", "grape", "grass",
    "gravel", "green", "greeting", "gridded", "hamlet", "harbor", "hat", "heart", "helicopter", "highway",
    "hooded", "hoop", "hound", "houses", "ice", "image", "in", "industrial", "iris", "jagged", "jar",
    "jeep", "jet", "jumping", "jungle", "key", "kicking", "kite", "kitten", "kneeling", "knitted", "ladder",
    "lake", "lamp", "land", "lantern", "large", "latchkey", "lavender", "lawn", "leaf", "leaping", "lemon",
    "lifting", "lightning", "lily", "lime", "lined", "lorry", "love", "lunging", "lupin", "mammoth",
    "mango", "marguerite", "marina", "marsh", "masked", "meadow", "midnight", "minivan", "mint", "missile",
    "misty", "moon", "mountain", "mug", "negative", "netted", "night", "notebook", "of", "on", "one",
    "orange", "orchard", "overcast", "pale", "pasture", "patched", "patchy", "pavement", "peach", "peak",
    "pearled", "peony", "person", "pet", "photo", "picture", "pie", "pink", "pizza", "plain", "plank",
    "plantation", "plough", "plum", "plus", "pointer", "pole", "pond", "poppy", "purple", "purse",
    "quadcopter", "rabbit", "racer", "railway", "rainy", "raising", "red", "residential", "resting", "ring",
    "ringed", "rippled", "river", "road", "roadster", "rock", "rocket", "roll", "rose", "rosy", "rover",
    "rug", "running", "sahara", "sailplane", "saloon", "sand", "sandwich", "satellite", "sea", "sedan",
    "shield", "shore", "shuttle", "sitting", "six", "sketch", "sky", "slice", "slug", "small", "smooth",
    "snail", "snow", "snowy", "socked", "space", "speckled", "sphere", "spotted", "spotty", "sprinkled",
    "sprinting", "stained", "star", "starry", "steps", "stick", "stone", "stormy", "strawberry", "stream",
    "streetcar", "striking", "striped", "stripy", "sunny", "sunset", "swamp", "swirl", "tabby", "teal",
    "texture", "thing", "three", "thundery", "tiara", "tortoise", "tracks", "tractor", "tram", "trefoil",
    "trout", "truck", "tulip", "turtle", "two", "type", "van", "vanilla", "village", "violet", "wall",
    "warehouses", "water", "waving", "wavy", "wet", "wheel", "white", "wintry", "with", "wood", "woodland",
    "woven", "yellow", "zigzagged", NULL,
};
/* clang-format on */

const char *const *world_words(void)
{
    return words;
}
