/* Split files, missing files, the published split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "image_files.h"
#include "prompt/base/path.h"
#include "prompt/data/dataset.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"

/* ---------------------------------------------------------------- a temporary data root */

struct root {
    void *folder; /* holds caltech-101/ */
    char *split_file;
    char *image_dir;
};

static int make_root(void **state)
{
    struct root *root = calloc(1, sizeof *root);
    if (!root || make_folder(&root->folder) != 0)
        return -1;
    root->split_file = path_join(root->folder, "caltech-101/split_zhou_Caltech101.json");
    root->image_dir = path_join(root->folder, "caltech-101/101_ObjectCategories");
    *state = root;
    return root->split_file && root->image_dir ? file_make_dirs(root->image_dir) : -1;
}

static int remove_root(void **state)
{
    struct root *root = *state;
    char *set_folder = path_dir(root->split_file);
    unlink(root->split_file);
    rmdir(root->image_dir);
    rmdir(set_folder);
    free(set_folder);
    free(root->split_file);
    free(root->image_dir);
    int result = remove_folder(&root->folder);
    free(root);
    return result;
}

static int open_named(struct dataset **out, const char *root, const char *name)
{
    return dataset_open(out, &(struct dataset_options){.root = root, .name = name});
}

static int open_split(struct dataset **out, const struct root *root, const char *text)
{
    assert_int_equal(file_write_atomic(root->split_file, text, strlen(text)), OK);
    error_clear();
    return open_named(out, root->folder, "caltech101");
}

/* The split file must be refused with "data set 'caltech101': <split file><message>". */
static void expect_refused(const struct root *root, const char *text, const char *message)
{
    struct dataset *d = NULL;
    char *want = str_format("data set 'caltech101': %s%s", root->split_file, message);
    assert_int_equal(open_split(&d, root, text), ERR_FORMAT);
    assert_string_equal(error_message(), want);
    assert_null(d);
    free(want);
}

static void test_split__gives_lists_in_order_and_names_by_label(void **state)
{
    struct dataset *d = NULL;
    if (open_split(&d, *state,
                   "{\"train\": [[\"b/1.jpg\", 1, \"sea_horse\"], [\"a/2.jpg\", \"0\", \"F-16A/B\"]],"
                   " \"val\": [[\"b/3.jpg\", 1, \"sea_horse\"]], \"test\": []}") != OK)
        fail_msg("%s", error_message());
    assert_int_equal(d->n_classes, 2);
    assert_string_equal(d->class_names[0], "F-16A/B");
    assert_string_equal(d->class_names[1], "sea_horse");
    assert_int_equal(d->train.n, 2);
    assert_string_equal(d->train.items[0].path, "b/1.jpg");
    assert_int_equal(d->train.items[0].label, 1);
    assert_string_equal(d->train.items[1].path, "a/2.jpg");
    assert_int_equal(d->train.items[1].label, 0);
    assert_int_equal(d->val.n, 1);
    assert_int_equal(d->test.n, 0);
    assert_string_equal(d->template, "a photo of a {}.");
    dataset_free(d);
}

static void test_split__names_the_line_of_a_bad_entry(void **state)
{
    const struct {
        const char *entry;
        const char *message;
    } cases[] = {
        {"[\"a.jpg\", 0]", "expected [path, label, class name], found an array of another size"},
        {"\"a.jpg\"", "expected [path, label, class name], found a string"},
        {"{\"path\": \"a.jpg\"}", "expected [path, label, class name], found an object"},
        {"[1, 0, \"x\"]", "expected a string, found a number"},
        {"[\"\", 0, \"x\"]", "the path is empty"},
        {"[\"/etc/passwd\", 0, \"x\"]",
         "the path '/etc/passwd' is absolute, expected one below the image folder"},
        {"[\"a/../../b\", 0, \"x\"]", "the path 'a/../../b' climbs out of the image folder"},
        {"[\"a\\\\b.jpg\", 0, \"x\"]",
         "the path 'a\\b.jpg' has backslashes, expected '/' between folders and file"},
        {"[\"..\", 0, \"x\"]", "the path '..' climbs out of the image folder"},
        {"[\"a.jpg\", -1, \"x\"]", "expected a label from 0, found -1"},
        {"[\"a.jpg\", 0.5, \"x\"]", "expected a whole number below 2^53, found 0.5"},
        {"[\"a.jpg\", null, \"x\"]", "expected a whole number, found null"},
        {"[\"a.jpg\", \"one\", \"x\"]", "expected a whole number as the label, found 'one'"},
        {"[\"a.jpg\", 2, \"x\"]", "label 2 is not below 2: labels run from 0 without a gap"},
        {"[\"a.jpg\", 0, \"\"]", "the class name is empty"},
        {"[\"a.jpg\", 0, \"y\"]", "label 0 is 'y' here and 'x' before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = str_format(
            "{\"train\": [\n[\"..a/b..jpg\", 0, \"x\"],\n%s],\n\"val\": [], \"test\": []}", cases[i].entry);
        char *message = str_format(":3: %s", cases[i].message);
        expect_refused(*state, text, message);
        free(message);
        free(text);
    }
}

static void test_split__refuses_lists_that_do_not_fit_together(void **state)
{
    expect_refused(*state, "{\"train\": [], \"val\": [], \"test\": []}", ": the list 'train' is empty");
    expect_refused(*state, "{\"train\": [[\"a\", 0, \"x\"]], \"test\": []}",
                   ": expected an object with the lists train, val and test, 'val' is missing");
    expect_refused(*state, "{\"train\":\n{}, \"val\": [], \"test\": []}",
                   ":2: expected a list under 'train', found an object");
    expect_refused(
        *state,
        "{\"train\": [[\"a\", 0, \"x\"], [\"b\", 2, \"z\"], [\"c\", 2, \"z\"]], \"val\": [], \"test\": []}",
        ": label 1 has no image in 'train', but label 2 has");
    expect_refused(*state, "{\"train\": [[\"a\", 1, \"x\"], [\"b\", 1, \"x\"]], \"val\": [], \"test\": []}",
                   ": label 0 has no image in 'train', but label 1 has");
    expect_refused(*state, "{\"train\": [[\"a\", 0, \"x\"]], \"val\": [],\n\"test\": [[\"b\", 1, \"y\"]]}",
                   ":2: label 1 is not below 1: labels run from 0 without a gap");
}

#define SOURCE                                                                                               \
    "images: data.caltech.edu/records/mzrjq-6wc02; split file: CoOp's DATASETS.md; both: "                   \
    "huggingface.co/zhengli97/prompt_learning_dataset"

static void test_dataset__says_what_is_missing_and_where(void **state)
{
    struct root *root = *state;
    struct dataset *d = NULL;
    char *want = str_format("data set 'caltech101': the split file '%s' is missing; looked in 'caltech-101', "
                            "'Caltech101', 'caltech101', 'data_splits', '.' of '%s' (" SOURCE ")",
                            root->split_file, (char *)root->folder);
    assert_int_equal(open_named(&d, root->folder, "caltech101"), ERR_IO);
    assert_string_equal(error_message(), want);
    free(want);

    assert_int_equal(open_named(&d, "/dev", "caltech101"), ERR_IO);
    assert_string_equal(error_message(),
                        "data set 'caltech101': the folder '/dev/caltech-101' is missing, as are "
                        "'Caltech101', 'caltech101' (" SOURCE ")");

    assert_int_equal(open_named(&d, "/nowhere", "caltech101"), ERR_USAGE);
    assert_string_equal(error_message(), "the data root '/nowhere' is not a folder");
    assert_int_equal(open_named(&d, root->folder, "caltec101"), ERR_USAGE);
    assert_string_equal(error_message(), "unknown data set 'caltec101', did you mean 'caltech101'?");
    assert_null(d);
}

static void test_dataset__lists_missing_images(void **state)
{
    struct root *root = *state;
    struct dataset *d = NULL;
    assert_int_equal(
        open_split(&d, root,
                   "{\"train\": [[\"1\", 0, \"x\"], [\"2\", 0, \"x\"], [\"3\", 0, \"x\"], [\"4\", 0, "
                   "\"x\"], [\"5\", 0, \"x\"]], \"val\": [], \"test\": []}"),
        OK);
    char *present = write_file(root->image_dir, "2", "", 0);
    const char *f = root->image_dir;
    char *want =
        str_format("data set 'caltech101': 4 of 5 images are missing in '%s', first: '%s/1', '%s/3', '%s/4'; "
                   "was the archive downloaded or unpacked in part? (" SOURCE ")",
                   f, f, f, f);
    assert_int_equal(dataset_find_files(d, &d->train), ERR_IO);
    assert_string_equal(error_message(), want);
    assert_int_equal(dataset_find_files(d, &d->val), OK);
    unlink(present);
    free(present);
    free(want);
    dataset_free(d);
}

/* ---------------------------------------------------------------- the published split */

static void test_dataset__says_how_it_differs_from_the_published_split(void **state)
{
    struct dataset *d = NULL;
    struct str found = {0};
    assert_int_equal(
        open_split(&d, *state,
                   "{\"train\": [[\"a\", 0, \"x\"]], \"val\": [], \"test\": [[\"b\", 0, \"x\"]]}"),
        OK);
    assert_int_equal(dataset_compare_known(&found, d), OK);
    assert_string_equal(str_text(&found), "classes 1 instead of 100, train 1 instead of 4,128, val 0 instead "
                                          "of 1,649, test 1 instead of 2,465");
    d->train.n += 1234567; /* counted, not read */
    assert_int_equal(dataset_compare_known(&found, d), OK);
    assert_non_null(strstr(str_text(&found), "train 1,234,568 instead"));
    d->train.n -= 1234567;
    d->name = "another"; /* an unknown set */
    assert_int_equal(dataset_compare_known(&found, d), OK);
    assert_string_equal(str_text(&found), "");
    str_free(&found);
    dataset_free(d);
}

static void test_dataset__compares_class_names_by_digest(void **state)
{
    (void)state;
    char *names[100];
    char digest[17];
    struct str found = {0};
    struct dataset d = {.name = "caltech101", .class_names = names, .n_classes = 100};
    d.train.n = 4128;
    d.val.n = 1649;
    d.test.n = 2465;
    for (int i = 0; i < 100; i++)
        names[i] = str_format("class %d", i);
    assert_int_equal(class_names_digest(digest, names, 100), OK);
    char *want = str_format("class names of digest %s instead of 04030f9999682bef", digest);
    assert_int_equal(dataset_compare_known(&found, &d), OK);
    assert_string_equal(str_text(&found), want);
    for (int i = 0; i < 100; i++)
        free(names[i]);
    free(want);
    str_free(&found);
}

/* ---------------------------------------------------------------- a user's own list */

/* The list must be refused with "data set 'csv': <list><message>". */
static void expect_list_refused(const struct root *root, const char *text, const char *message)
{
    struct dataset *d = NULL;
    char *want = str_format("data set 'csv': %s%s", root->split_file, message);
    assert_int_equal(file_write_atomic(root->split_file, text, strlen(text)), OK);
    const struct dataset_options options = {
        .name = "csv", .split_file = root->split_file, .image_dir = "/images"};
    assert_int_equal(dataset_open(&d, &options), ERR_FORMAT);
    assert_string_equal(error_message(), want);
    free(want);
}

static void test_list__names_line_and_finding(void **state)
{
    const struct {
        const char *text, *message;
    } cases[] = {
        {"path,label,name\na,0,x\nb,1,x\n", ":3: 'x' is the name of label 1 here and of label 0 in line 2"},
        {"path,label,name\na,0,x\nb,0.0,y\n", ":3: label 0 is 'y' here and 'x' before"},
        {"path,label,name\na,0,\n", ":2: the class name of label '0' is empty"},
        {"path,label\na,\n", ":2: the label is empty"},
        {"path,label\n,0\n", ":2: the path is empty"},
        {"path,label\na,0,0\n", ":2: expected 2 cells, as in the header, found 3: a cell that holds a , is "
                                "written in double quotes"},
        {"path\tlabel\na\t0\t0\n", ":2: expected 2 cells, as in the header, found 3: a cell that holds a tab "
                                   "is written in double quotes"},
        {"path,label\na\n", ":2: expected 2 cells, as in the header, found 1"},
        {"path,label,split\na,0,train\nb,0,tset\n",
         ":3: expected train, val or test as the split, found 'tset'"},
        {"path,label,split\na,0,\n", ":2: expected train, val or test as the split, found ''"},
        {"path,label,split\na,0,train\n", ": no row has the split test or val"},
        {"path,label,split\na,0,train\nb,1,test\n", ": class '1' has no row of the split train"},
        {"path,label\na,0\nb,0.5\n",
         ":3: expected a whole number from 0 as the label, as in the first row, found '0.5'"},
        {"path,label\na,-1\n",
         ":2: expected a whole number from 0 as the label, as in the first row, found '-1'"},
        {"label,name\n0,x\n",
         ":1: no column holds the images' paths: expected one named path, filename, filepath, image, "
         "file, imagepath, imagefile, imagename, img, imgpath, found 'label', 'name'"},
        {"\n\nPath,width\na,3\n",
         ":3: no column holds the labels: expected one named label, labels, target, classid, "
         "classidx, classindex, labelid, found 'Path', 'width'"},
        {"path,lable\na,3\n", ":1: unknown column 'lable', did you mean 'label'?"},
        {"path,file name,label\na,b,3\n",
         ":1: 'path' and 'file name' both name the column of the images' paths"},
        {"path,name,class,label\na,b,c,3\n", ":1: 'label' and 'class' both name the column of the labels"},
        {"picture,kind\na.jpg,3\nb.jpg,3\n", ":1: expected an image's path, or a header with the columns "
                                             "path and label, found 'picture' and 'kind'"},
        {"a.jpg 0\n",
         ":1: expected path, label and perhaps a class name, or a header with the names of the columns, "
         "found 1 cell"},
        {"path,label\na,\"x\nb,x\n", ":2: the quote that opens here is not closed"},
        {"a\\b.jpg,0\n", ":1: the path 'a\\b.jpg' has backslashes, expected '/' between folders and file"},
        {"/x/a.jpg,0\n",
         ":1: the path '/x/a.jpg' is not below '/images': data.image_dir names another folder"},
        {"path,label\n", ": no row with path and label"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_list_refused(*state, cases[i].text, cases[i].message);
}

/* Of five images three, one and one, of other places in each class. */
static void test_list__is_split_by_class(void **state)
{
    struct root *root = *state;
    struct str text = {0};
    struct dataset *d = NULL;
    int n_alike = 0;
    str_append(&text, "path,label\n");
    for (int i = 0; i < 20; i++)
        str_appendf(&text, "%d,%d\n", i, i / 5);
    assert_int_equal(file_write_atomic(root->split_file, text.data, text.len), OK);
    str_free(&text);
    const struct dataset_options options = {
        .name = "csv", .split_file = root->split_file, .image_dir = "/images"};
    assert_int_equal(dataset_open(&d, &options), OK);
    assert_int_equal(d->train.n, 12);
    assert_int_equal(d->val.n, 4);
    assert_int_equal(d->test.n, 4);
    for (size_t label = 0; label < 4; label++) {
        assert_int_equal(d->train.items[3 * label].label, label);
        assert_int_equal(d->test.items[label].label, label);
        n_alike +=
            strtol(d->test.items[label].path, NULL, 10) % 5 == strtol(d->test.items[0].path, NULL, 10) % 5;
    }
    assert_in_range(n_alike, 1, 3);
    dataset_free(d);
}

#define test_in_root(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_root(test_split__gives_lists_in_order_and_names_by_label),
        test_in_root(test_split__names_the_line_of_a_bad_entry),
        test_in_root(test_split__refuses_lists_that_do_not_fit_together),
        test_in_root(test_dataset__says_what_is_missing_and_where),
        test_in_root(test_dataset__lists_missing_images),
        test_in_root(test_list__names_line_and_finding),
        test_in_root(test_list__is_split_by_class),
        test_in_root(test_dataset__says_how_it_differs_from_the_published_split),
        cmocka_unit_test(test_dataset__compares_class_names_by_digest),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
