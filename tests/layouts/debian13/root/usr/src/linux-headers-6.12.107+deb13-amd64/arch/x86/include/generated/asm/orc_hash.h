#define ORC_HASH
