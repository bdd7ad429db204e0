#include "engine/names.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/prng.h"

/* What water is like, and what lives in it. */
static const char *const moods[] = {
	"agile",    "amber",  "ample",   "azure",  "balmy",  "brave",  "breezy", "bright",
	"brisk",    "calm",   "candid",  "clear",  "clever", "coral",  "cosmic", "crisp",
	"curious",  "daring", "deep",    "deft",   "eager",  "early",  "fair",   "fleet",
	"fluent",   "fond",   "frank",   "free",   "fresh",  "gentle", "glad",   "golden",
	"grand",    "hardy",  "hazel",   "humble", "jolly",  "keen",   "kind",   "lively",
	"loyal",    "lucid",  "lunar",   "mellow", "merry",  "mild",   "misty",  "modest",
	"neat",     "nimble", "noble",   "novel",  "pearly", "plucky", "polar",  "proud",
	"quick",    "quiet",  "rapid",   "ready",  "robust", "rosy",   "serene", "sharp",
	"shiny",    "silent", "silver",  "sleek",  "smart",  "smooth", "snappy", "solid",
	"spry",     "steady", "stellar", "sturdy", "sunny",  "swift",  "tidal",  "tidy",
	"tranquil", "trusty", "upbeat",  "vivid",  "warm",   "wavy",   "wise",   "witty",
	"zesty",
};

static const char *const swimmers[] = {
	"alewife",  "anchovy",   "barbel",  "bass",     "beluga",    "bleak",    "bonito",
	"bream",    "brill",     "burbot",  "capelin",  "carp",      "char",     "chub",
	"cod",      "conger",    "dab",     "dace",     "dolphin",   "dory",     "eel",
	"flounder", "garfish",   "goby",    "grayling", "grouper",   "grunion",  "gudgeon",
	"guppy",    "gurnard",   "haddock", "hake",     "halibut",   "herring",  "ide",
	"kelpfish", "killifish", "lamprey", "ling",     "loach",     "mackerel", "manta",
	"marlin",   "minnow",    "molly",   "moray",    "mullet",    "narwhal",  "octopus",
	"orca",     "orfe",      "otter",   "perch",    "pike",      "pilchard", "plaice",
	"pollock",  "porpoise",  "puffer",  "remora",   "roach",     "rudd",     "ruffe",
	"saithe",   "salmon",    "sardine", "seahorse", "seal",      "shad",     "skate",
	"smelt",    "snapper",   "sole",    "sprat",    "squid",     "sterlet",  "sturgeon",
	"sunfish",  "tarpon",    "tench",   "tetra",    "trout",     "tuna",     "turbot",
	"turtle",   "vendace",   "walrus",  "weever",   "whitefish", "wrasse",   "zander",
};

void name_make_up(struct prng *p, bool with_digit, char out[NAME_TEXT_MAX])
{
	const char *mood = moods[prng_below(p, ARRAY_LEN(moods))];
	const char *swimmer = swimmers[prng_below(p, ARRAY_LEN(swimmers))];

	if (with_digit)
		snprintf(out, NAME_TEXT_MAX, "%s_%s%d", mood, swimmer, (int)prng_below(p, 10));
	else
		snprintf(out, NAME_TEXT_MAX, "%s_%s", mood, swimmer);
}
