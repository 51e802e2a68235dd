using System.Globalization;
using System.Text;

namespace Jitvmm.Tests.Machines;

/// <summary>Builds a root file system for a kernel to unpack, in cpio's "newc" format.</summary>
public sealed class Initramfs
{
    private const int Folder = 0x4000;
    private const int RegularFile = 0x8000;
    private const int Executable = 0x1ed;

    private readonly List<byte> _archive = [];
    private int _inode = 1;

    public Initramfs AddFolder(string path) => Add(path, Folder | Executable, []);

    public Initramfs AddProgram(string path, byte[] content) => Add(path, RegularFile | Executable, content);

    public byte[] ToArray()
    {
        Add("TRAILER!!!", 0, []);
        return [.. _archive];
    }

    private Initramfs Add(string path, int mode, byte[] content)
    {
        byte[] name = [.. Encoding.ASCII.GetBytes(path), 0];
        int[] fields = [_inode++, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, name.Length, 0];
        string header = "070701" + string.Concat(fields.Select(field => field.ToString("x8", CultureInfo.InvariantCulture)));
        _archive.AddRange(Encoding.ASCII.GetBytes(header));
        _archive.AddRange(name);
        Pad();
        _archive.AddRange(content);
        Pad();
        return this;
    }

    private void Pad()
    {
        while (_archive.Count % 4 != 0)
        {
            _archive.Add(0);
        }
    }
}
