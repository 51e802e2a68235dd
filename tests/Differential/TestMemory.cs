namespace Jitvmm.Tests.Differential;

/// <summary>Contents of the test pages, a function of a seed so that a case names its memory in one number.</summary>
public static unsafe class TestMemory
{
    /// <summary>Seeds with this bit give pages that hold loadable FXSAVE and XSAVE images, for the instructions that load them.</summary>
    public const ulong StateImages = 1ul << 63;

    private const int ImageStride = 1024;

    public static void Fill(byte* target, ulong seed)
    {
        var random = new CaseRandom(seed);
        random.Fill(target, TestLayout.DataSize);
        if ((seed & StateImages) == 0)
        {
            return;
        }

        for (int offset = 0; offset < TestLayout.DataSize; offset += ImageStride)
        {
            FillImage(random, target + offset);
        }
    }

    /// <summary>Writes a case's own values over a filled image.</summary>
    public static void Patch(byte* target, CaseInput* input)
    {
        for (int i = 0; i < (int)input->PatchCount; i++)
        {
            ulong offset = input->PatchAddress[i] - TestLayout.DataBase;
            ulong length = Math.Min(TestLayout.LineSize, TestLayout.DataSize - offset);
            Buffer.MemoryCopy(input->PatchData + TestLayout.LineSize * i, target + offset, length, length);
        }
    }

    public static void FillReadOnly(byte* target)
    {
        new CaseRandom(0x5eed).Fill(target, TestLayout.PageSize);
    }

    private static void FillImage(CaseRandom random, byte* image)
    {
        *(ushort*)image = (ushort)(0x37f | (random.Below(4) << 10));
        *(ushort*)(image + 2) = (ushort)(random.Next() & 0x7f7f);
        *(image + 4) = (byte)random.Next();
        *(image + 5) = 0;
        new Span<byte>(image + 6, 18).Clear();
        *(uint*)(image + 24) = 0x1f80 | ((uint)random.Next() & 0xe07f);
        *(uint*)(image + 28) = 0xffff;
        for (int i = 0; i < 8; i++)
        {
            EdgeValues.Extended(random, image + 32 + 16 * i);
        }

        new Span<byte>(image + 512, 64).Clear();
        *(ulong*)(image + 512) = (ulong)random.Below(8);
    }
}
