/*
 * Writes JPEG files of kinds that Pillow reads and does not write: any sampling, arithmetic coding, YCCK.
 *
 *   WIDTH HEIGHT CHANNELS QUALITY SAMPLING CODING SCANS RESTART PATH      WIDTH*HEIGHT*CHANNELS bytes follow
 *
 * CHANNELS is 1, 3 (RGB) or 4 (CMYK), SAMPLING two digits for each of them, such as 2x1,1x1,1x1; CODING is
 * huffman or arithmetic, SCANS is one, progressive, or separate (one for each component), RESTART a number of
 * blocks, 0 for none. YCCK is written where sampling differs between channels of CMYK. The answer is "ok", or
 * the process ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

struct order {
    unsigned width, height;
    int channels, quality;
    char sampling[64], coding[16], scans[16], path[4096];
    unsigned restart;
};

static void set_sampling(struct jpeg_compress_struct *info, const char *text)
{
    for (int c = 0; c < info->num_components; c++) {
        int h = 0, v = 0;
        if (sscanf(text, "%dx%d", &h, &v) != 2)
            exit(1);
        info->comp_info[c].h_samp_factor = h;
        info->comp_info[c].v_samp_factor = v;
        const char *comma = strchr(text, ',');
        text = comma ? comma + 1 : text;
    }
}

static void encode(const struct order *o, JSAMPLE *pixels)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors); /* prints and exits */
    jpeg_create_compress(&info);
    FILE *file = fopen(o->path, "wb");
    if (!file)
        exit(1);
    jpeg_stdio_dest(&info, file);
    info.image_width = o->width;
    info.image_height = o->height;
    info.input_components = o->channels;
    info.in_color_space = o->channels == 1 ? JCS_GRAYSCALE : o->channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&info);
    if (o->channels == 4 && strcmp(o->sampling, "1x1,1x1,1x1,1x1") != 0)
        jpeg_set_colorspace(&info, JCS_YCCK);
    jpeg_set_quality(&info, o->quality, TRUE);
    set_sampling(&info, o->sampling);
    info.arith_code = strcmp(o->coding, "arithmetic") == 0;
    info.restart_interval = o->restart;
    jpeg_scan_info scans[4] = {{0}};
    for (int c = 0; c < o->channels; c++)
        scans[c] = (jpeg_scan_info){.comps_in_scan = 1, .component_index = {c}, .Se = 63};
    if (strcmp(o->scans, "progressive") == 0) {
        jpeg_simple_progression(&info);
    } else if (strcmp(o->scans, "separate") == 0) {
        info.scan_info = scans;
        info.num_scans = o->channels;
    }
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW rows[1] = {pixels + (size_t)info.next_scanline * o->width * (size_t)o->channels};
        jpeg_write_scanlines(&info, rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    if (fclose(file) != 0)
        exit(1);
}

int main(void)
{
    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        struct order o;
        if (sscanf(line, "%u %u %d %d %63s %15s %15s %u %4095[^\n]", &o.width, &o.height, &o.channels,
                   &o.quality, o.sampling, o.coding, o.scans, &o.restart, o.path) != 9)
            return 1;
        const size_t n = (size_t)o.width * o.height * (size_t)o.channels;
        JSAMPLE *pixels = malloc(n);
        if (!pixels || fread(pixels, 1, n, stdin) != n)
            return 1;
        encode(&o, pixels);
        free(pixels);
        printf("ok\n");
        fflush(stdout);
    }
    return 0;
}
