using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

/// <summary>Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! message` for each.</summary>
internal static class Run
{
    private static void Main()
    {
        for (var line = Console.In.ReadLine(); line != null; line = Console.In.ReadLine())
        {
            var fields = line.Split('\t');
            var others = fields.Skip(6).Select(part => part.Split('=')).ToDictionary(part => part[0], part => Text(part[1]));
            var variables = others.Where(part => part.Key.StartsWith("t.", StringComparison.Ordinal))
                .ToDictionary(part => part.Key.Substring(2), part => part.Value);
            var expiresAt = fields[5] == "x" ? (long?)null : long.Parse(fields[5].Substring(1));
            string download, version;
            others.TryGetValue("dl", out download);
            others.TryGetValue("v", out version);
            try
            {
                var own = new Dictionary<string, string>();
                if (fields[3] != "x") own[Text(fields[1])] = Text(fields[3]);
                var images = new Darkroom("https://a.example/", Text(fields[0]), own);
                string id = Text(fields[4]), preset = Text(fields[1]), suffix = Text(fields[2]);
                var path = images.Path(id, preset, suffix, expiresAt, download, version, variables);
                if (images.Url(id, preset, suffix, expiresAt, download, version, variables) != "https://a.example" + path)
                    throw new InvalidOperationException("the URL is not host and path");
                Console.Out.WriteLine(path);
            }
            catch (ArgumentException error)
            {
                Console.Out.WriteLine("! " + error.Message.Replace('\n', ' '));
            }
        }
    }

    private static string Text(string field)
    {
        var bytes = Enumerable.Range(0, field.Length / 2).Select(at => Convert.ToByte(field.Substring(2 * at + 1, 2), 16));
        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
